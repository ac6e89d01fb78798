"""Calls a minute, and what an answer says of them; in either spelling, or in none."""

import time

from include.played_planhat.switches import Switches

_SPELLINGS = {
    "new": ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    # as of 2017, without a word on when it begins again
    "old": ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", ""),
    "none": ("", "", ""),
}


class Quota:
    """A window that begins with the first call in it."""

    def __init__(self) -> None:
        self._began = 0.0
        self._used = 0

    def take(self, switches: Switches) -> bool:
        """Count a call; False when it is one too many."""
        if switches.quota is None:
            return True
        if time.monotonic() - self._began >= switches.quota_seconds:
            self._began, self._used = time.monotonic(), 0
        self._used += 1
        return self._used <= switches.quota

    def headers(self, switches: Switches, *, is_refused: bool) -> list[tuple[str, str]]:
        """What the answer says."""
        left = self._began + switches.quota_seconds - time.monotonic()
        reset = f"{max(left, 0):.3f}"
        said = []
        if switches.quota is not None:
            remaining = max(switches.quota - self._used, 0)
            values = (str(switches.quota), str(remaining), reset)
            names = _SPELLINGS[switches.quota_headers]
            said = [(name, text) for name, text in zip(names, values, strict=True) if name]
        if is_refused and switches.retry_after:
            said.append(("retry-after", reset))
        return said
