"""Stopping a run: whatever it is at, within seconds, and without a word of it being lost.

Whoever works for a run looks each second whether it was asked to stop: a plan is broken off, no
batch leaves any more, and those on their way get a few seconds for their answer. Who is the last to
work for it ends the run; where nobody works for it at that moment, whoever asks ends it. A push
that has no run yet, because its warehouse is still built, is stopped where it would plan.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from include.errors import ServiceError
from include.push import runs
from include.push.ending import finish
from include.push.ledger import ClaimLostError
from include.push.plainly import plainly
from include.warehouse.connection import connect

# How often a plan looks whether it was cancelled, in seconds.
LOOK_EVERY = 0.5


class CancelledError(ClaimLostError):
    """Somebody asked the run to stop, and it did; nothing of it is to be tried again."""

    @classmethod
    def of(cls, run_id: int, cancelled_by: str) -> "CancelledError":
        """In words."""
        return cls(f"Run {run_id} was cancelled by {cancelled_by}: nothing more is sent.")


@plainly
def cancel_run(url: str, run_id: int, requested_by: str) -> bool:
    """Ask a run to stop; it has ended within seconds. False when it is not active, or was asked."""
    with connect(url, application_name="push cancel", autocommit=True) as connection:
        asked = connection.execute(
            """
            update sync.runs
            set cancel_requested_by = %s, cancel_requested_at = clock_timestamp()
            where run_id = %s and status in ('queued', 'running') and cancel_requested_at is null
            """,
            [requested_by, run_id],
        )
        # Between two tasks nobody is there to see it; or whoever was asked before was killed since.
        has_ended = finish(connection, run_id, only_if_idle=True)
    return asked.rowcount == 1 or has_ended


@plainly
def stop_before_plan(url: str, owner: str, requested_by: str) -> None:
    """Ask a push that has no run yet to open none that sends; one that it has by now is cancelled.

    `owner` is its DAG run's id.
    """
    with connect(url, application_name="push cancel", autocommit=True) as connection:
        # first: whoever plans looks for it after the run is there, and who asks here before that
        connection.execute(
            "insert into sync.stop_requests (owner, requested_by) values (%s, %s) "
            "on conflict do nothing",
            [owner, requested_by],
        )
        begun = connection.execute(
            "select run_id from sync.runs where owner = %s and status in ('queued', 'running')",
            [owner],
        ).fetchone()
    if begun is not None:
        cancel_run(url, begun[0], requested_by)


def refuse_stopped(connection: psycopg.Connection, run_id: int) -> None:
    """End a run that somebody asked to stop before it planned. Raises `CancelledError` then."""
    with connection.transaction():
        stopped = connection.execute(
            "delete from sync.stop_requests using sync.runs "
            "where runs.run_id = %s and stop_requests.owner = runs.owner "
            "returning stop_requests.requested_by, stop_requests.requested_at",
            [run_id],
        ).fetchone()
        if stopped is None:
            return
        connection.execute(
            "update sync.runs set cancel_requested_by = %s, cancel_requested_at = %s "
            "where run_id = %s",
            [*stopped, run_id],
        )
        runs.end(connection, run_id, "cancelled", f"cancelled by {stopped[0]}")
    raise CancelledError.of(run_id, stopped[0])


def end_if_idle(url: str, run_id: int) -> None:
    """End a cancelled run, unless others still work for it: the last of them does."""
    with connect(url, application_name="push cancel", autocommit=True) as connection:
        finish(connection, run_id, only_if_idle=True)


@contextmanager
def watched(url: str, run_id: int, connection: psycopg.Connection) -> Iterator[None]:
    """Break off what `connection` is at when the run is cancelled. Raises `CancelledError` then."""
    watcher = _Watcher(url, run_id, connection)
    try:
        yield
    except psycopg.errors.QueryCanceled:
        if watcher.cancelled_by is None:
            raise
    finally:
        watcher.end()
    if watcher.cancelled_by:
        raise CancelledError.of(run_id, watcher.cancelled_by)


class _Watcher:
    def __init__(self, url: str, run_id: int, watched: psycopg.Connection) -> None:
        self._url = url
        self._run_id = run_id
        self._watched = watched
        self._over = threading.Event()
        self.cancelled_by: str | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True, name="push cancel")
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            with connect(self._url, application_name="push cancel", autocommit=True) as connection:
                while not self._over.wait(LOOK_EVERY):
                    row = connection.execute(
                        "select cancel_requested_by from sync.runs where run_id = %s",
                        [self._run_id],
                    ).fetchone()
                    self.cancelled_by = row[0] if row else None
                    if self.cancelled_by:
                        # Again and again: between two statements it meets none.
                        self._watched.cancel_safe()
        except (psycopg.Error, ServiceError):
            # Postgres is away: who plans says so.
            return
