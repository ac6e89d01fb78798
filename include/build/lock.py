"""One build at a time: an advisory lock, held by the process that builds."""

import time
from collections.abc import Callable
from datetime import UTC

import psycopg

from include.errors import BusyError

LOCK = "select pg_try_advisory_lock(hashtext('planhat-segment build'))"
PATIENCE_SECONDS = 30 * 60
SAY_EVERY_SECONDS = 5


def take_lock(holder: psycopg.Connection, say: Callable[[str], None]) -> None:
    began = said = time.monotonic()
    while not holder.execute(LOCK).fetchone()[0]:  # type: ignore[index]
        now = time.monotonic()
        if now - began > PATIENCE_SECONDS:
            raise BusyError(f"Gave up waiting for another build: {_who_builds(holder)}.")
        if said == began or now - said > SAY_EVERY_SECONDS:
            say(f"waiting for another build: {_who_builds(holder)}")
            said = now
        time.sleep(0.5)


def _who_builds(holder: psycopg.Connection) -> str:
    row = holder.execute(
        "select build_id, requested_by, started_at from sync.builds where status = 'running'"
        " order by build_id desc limit 1"
    ).fetchone()
    if row is None:
        return "it is just starting"
    return f"number {row[0]}, requested by {row[1]}, since {row[2].astimezone(UTC):%H:%M:%S} UTC"
