"""One build at a time: an advisory lock, held by the process that builds."""

import time
from collections.abc import Callable
from datetime import UTC

import psycopg

from include.errors import BusyError

LOCK = "select pg_try_advisory_lock(hashtext('planhat-segment build'))"
# Held by those who read a build's tables as one state: several at once, and none while one builds.
_SHARED = "select pg_try_advisory_lock_shared(hashtext('planhat-segment build'))"
# Held by a build that waits, so that no new reader goes before it.
_WAITS = "pg_try_advisory_lock(hashtext('planhat-segment build waits'))"
_NOBODY_WAITS = "pg_try_advisory_lock_shared(hashtext('planhat-segment build waits'))"
PATIENCE_SECONDS = 30 * 60
SAY_EVERY_SECONDS = 5


def take_lock(holder: psycopg.Connection, say: Callable[[str], None]) -> None:
    """Wait until nobody builds or tries, and build. Raises `BusyError` after half an hour."""
    waits = False

    def take() -> bool:
        nonlocal waits
        if _is_given(holder, LOCK):
            return True
        # one build that waits holds off new tries for all
        waits = waits or _is_given(holder, f"select {_WAITS}")
        return False

    try:
        _wait(holder, take, say)
    finally:
        if waits:
            holder.execute("select pg_advisory_unlock(hashtext('planhat-segment build waits'))")


def share_lock(holder: psycopg.Connection, say: Callable[[str], None]) -> None:
    """Wait until nobody builds, or waits to, and keep builds off; beside others who do the same.

    Raises `BusyError` after half an hour.
    """

    def take() -> bool:
        if not _is_given(holder, f"select {_NOBODY_WAITS}"):
            return False
        try:
            return _is_given(holder, _SHARED)
        finally:
            holder.execute(
                "select pg_advisory_unlock_shared(hashtext('planhat-segment build waits'))"
            )

    _wait(holder, take, say)


def _is_given(holder: psycopg.Connection, query: str) -> bool:
    return holder.execute(query.encode()).fetchone()[0]  # type: ignore[index]


def _wait(holder: psycopg.Connection, take: Callable[[], bool], say: Callable[[str], None]) -> None:
    began = said = time.monotonic()
    while not take():
        now = time.monotonic()
        if now - began > PATIENCE_SECONDS:
            raise BusyError(f"Gave up waiting for {_who_builds(holder)}.")
        if said == began or now - said > SAY_EVERY_SECONDS:
            say(f"waiting for {_who_builds(holder)}")
            said = now
        time.sleep(0.5)


def _who_builds(holder: psycopg.Connection) -> str:
    row = holder.execute(
        "select build_id, requested_by, started_at from sync.builds where status = 'running'"
        " order by build_id desc limit 1"
    ).fetchone()
    if row is not None:
        return (
            f"another build: number {row[0]}, requested by {row[1]},"
            f" since {row[2].astimezone(UTC):%H:%M:%S} UTC"
        )
    if tries := _who_tries(holder):
        return f"somebody who tries an edit: {tries}"
    return "another build: it is just starting"


def _who_tries(holder: psycopg.Connection) -> str | None:
    row = holder.execute(
        """
        select application_name, backend_start
        from pg_locks
        inner join pg_stat_activity using (pid)
        where
            locktype = 'advisory' and mode = 'ShareLock' and granted
            and objid::bigint = hashtext('planhat-segment build')::bigint & 4294967295
            and database = (select oid from pg_database where datname = current_database())
            and application_name like 'try for %'
        order by backend_start
        limit 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"{row[0].removeprefix('try for ')}, since {row[1].astimezone(UTC):%H:%M:%S} UTC"
