"""What was asked: every request, in the order in which it came."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """One request and what became of it. The token is not kept."""

    at: float
    method: str
    # without a slash; the tenant's token of a sink's path is `*`
    path: str
    query: dict[str, str]
    # what was sent, where bodies are kept
    body: Any = None
    rows: int = 0
    # 0: no answer
    status: int = 0
    fault: str | None = None

    @property
    def is_sink(self) -> bool:
        """Whether it is of the analytics host: under no quota."""
        head, _, word = self.path.partition("/")
        return head in ("analytics", "dock") or (head == "dimensiondata" and bool(word))

    @property
    def is_bulk(self) -> bool:
        """Whether it is a bulk upsert."""
        return self.method == "PUT" and "/" not in self.path


@dataclass
class Requests:
    """All of them, and what only a look at several at once tells."""

    all: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    most_bulk_at_once: int = 0
    _now: int = 0
    _bulk_now: int = 0

    def begin(self, asked: Asked) -> None:
        """A request came."""
        self.all.append(asked)
        self._now += 1
        self._bulk_now += asked.is_bulk
        self.most_at_once = max(self.most_at_once, self._now)
        self.most_bulk_at_once = max(self.most_bulk_at_once, self._bulk_now)

    def end(self, asked: Asked) -> None:
        """It was answered, or never will be."""
        self._now -= 1
        self._bulk_now -= asked.is_bulk

    @property
    def now(self) -> int:
        """How many are being answered."""
        return self._now

    def most_in(self, seconds: float) -> int:
        """The most requests of the main host that began within so many seconds."""
        times = [each.at for each in self.all if not each.is_sink]
        most, first = 0, 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def of(self, method: str, path: str = "") -> list[Asked]:
        """Those of a method whose path begins so."""
        return [each for each in self.all if each.method == method and each.path.startswith(path)]
