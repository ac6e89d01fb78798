"""The rate limit, and pauses that the other side asks for: one clock for all who send there.

The clock is a row in the database, so that the workers of a run share Segment's limit wherever they
run. Without a limit only this process's connections share a pause.
"""

import threading
import time
from typing import Any

from include.warehouse.session import Session


class Pace:
    """What all connections to one destination share; used with `with`."""

    def __init__(self, url: str, destination: str, per_second: float | None) -> None:
        """`per_second`: events; None for no limit."""
        self._destination = destination
        self._per_second = per_second
        self._session = Session(url)
        self._lock = threading.Lock()
        # of this process's own clock: nobody sends before it
        self._paused_until = 0.0

    def __enter__(self) -> "Pace":
        return self

    def __exit__(self, *_: Any) -> None:
        self._session.close()

    def wait_for(self, events: int, stopped: threading.Event) -> None:
        """Return when so many events may be sent, or at once when `stopped` is set."""
        starts_at = time.monotonic() + (self._reserve(events) if self._per_second else 0.0)
        # A pause that is asked for meanwhile counts as well.
        while (delay := max(starts_at, self._paused_until) - time.monotonic()) > 0:
            if stopped.wait(delay):
                return

    def pause(self, seconds: float) -> None:
        """Let nobody send for so long."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
        if self._per_second:
            self._move(seconds, 0.0)

    def _reserve(self, events: int) -> float:
        """Take the next place for so many events; returns the seconds until it comes."""
        return self._move(0.0, events / self._per_second)  # type: ignore[operator]

    def _move(self, not_before: float, taken: float) -> float:
        with self._lock:
            return self._session.run(
                lambda connection: connection.execute(
                    """
                    insert into sync.pace as pace (destination, free_at)
                    values (
                        %(destination)s,
                        clock_timestamp() + (%(pause)s + %(taken)s) * interval '1 second'
                    )
                    on conflict (destination) do update
                    set free_at = greatest(
                        pace.free_at, clock_timestamp() + %(pause)s * interval '1 second'
                    ) + %(taken)s * interval '1 second'
                    returning greatest(0, extract(epoch from (
                        free_at - %(taken)s * interval '1 second' - clock_timestamp()
                    )))::float
                    """,
                    {"destination": self._destination, "pause": not_before, "taken": taken},
                ).fetchone()[0]  # type: ignore[index]
            )
