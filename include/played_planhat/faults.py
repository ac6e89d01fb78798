"""What goes wrong on purpose, once or as often as is said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "throttle",  # 429
    "error",  # 500, nothing was done
    "half",  # 500, and it was done
    "hang",  # no answer for `seconds`
    "cut",  # it is done, and half of the answer's body comes
    "lost",  # it is done, and no answer comes
    "reset",  # nothing is done, and no answer comes
    "object",  # 200 with an object where a list is due
    "page",  # 502 with a page for people, as a proxy has it
]
KINDS: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]


@dataclass
class Fault:
    """One kind of fault, for the requests that fit: `after` so many, `times` times."""

    kind: Kind
    method: str = ""
    # the path's beginning, without a slash
    path: str = ""
    after: int = 0
    times: int = 1
    seconds: float = 200.0

    def __post_init__(self) -> None:
        """Raises `ValueError` for a kind that is none."""
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}")

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is one of those that this is about."""
        return self.times > 0 and self.method in ("", method) and path.startswith(self.path)


class Faults:
    """Those that are still to come, in order; the first that fits happens."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        # Called before a request is answered, with its method and path: what somebody else does
        # in Planhat meanwhile (a row that is deleted between two pages).
        self.meanwhile: Callable[[str, str], None] | None = None

    def next(self, method: str, path: str) -> Fault | None:
        """What happens to this request, if anything."""
        for fault in self.waiting:
            if not fault.fits(method, path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            return fault
        return None
