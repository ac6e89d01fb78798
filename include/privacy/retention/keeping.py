"""What is due by the rules, done in steps that may be interrupted: each is a transaction."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.counting import counted
from include.privacy.retention import alike
from include.privacy.retention.kept import kept_payload
from include.privacy.retention.rules import Due, as_json, cutoff_of, due_at, read_rules
from include.privacy.turn import take_turn
from include.warehouse.connection import connect

# Calls of one transaction: the lock of builds is held for about a second.
STEP = 20_000
SAY_EVERY_SECONDS = 5

_UNLOCK = "select pg_advisory_unlock(hashtext('planhat-segment build'))"


@dataclass(frozen=True)
class Done:
    """What lost its payload, became alike, and went out of the quarantine; None is due: no rule."""

    due: list[Due]
    payloads: int = 0
    calls: int = 0
    quarantined: int = 0

    def __str__(self) -> str:
        return (
            f"{counted(self.payloads, 'call')} kept without the rest of the payload, "
            f"{self.calls:,} as one of a day, {counted(self.quarantined, 'quarantined call')} gone"
        )


def count_due(url: str, *, now: datetime | None = None) -> Done:
    """How much the rules would change now; reads all calls and changes nothing.

    `calls`: how many would be looked at; fewer are alike.
    """
    with connect(url, application_name="retention", autocommit=True) as connection:
        due = due_at(read_rules(connection), now or datetime.now(UTC))
        if not due:
            return Done(due)
        payloads, calls = connection.execute(
            sql.SQL(
                "select count(*) filter (where kept_as = '' and received_at < {}),"
                " count(*) filter (where kept_as <> 'days' and type = any ({})"
                " and received_at < {}) from raw_segment.events"
            ).format(
                cutoff_of(due, "payloads"), sql.Literal(list(alike.TYPES)), cutoff_of(due, "calls")
            )
        ).fetchone()  # type: ignore[misc]
        (quarantined,) = connection.execute(
            sql.SQL("select count(*) from raw_segment.quarantine where {}").format(_old(due))
        ).fetchone()  # type: ignore[misc]
        return Done(due, payloads, calls, quarantined)


def keep(
    url: str,
    *,
    by: str,
    lock: Callable[[psycopg.Connection], None],
    now: datetime | None = None,
    always: bool = False,
    say: Callable[[str], None] = print,
) -> Done | None:
    """Keep what the rules say, and no more; None: nothing has become due since the last time.

    `lock` takes the lock of builds. Waits for a forgetting. Run again after an interruption, it
    goes on. `always` looks at every call though nothing is newly due: for calls that landed late.
    """
    with connect(url, application_name="retention", autocommit=True) as connection:
        take_turn(connection)
        due = due_at(read_rules(connection), now or datetime.now(UTC))
        if not due:
            return Done(due)
        if not always and _last_due(connection) == as_json(due):
            return None
        (number,) = connection.execute(
            "insert into sync.retention_runs (requested_by, due) values (%s, %s)"
            " returning retention_run_id",
            [by, Jsonb(as_json(due))],
        ).fetchone()  # type: ignore[misc]
        done = Done(due)
        for step in _steps(connection, due, lock, say):
            done = replace(
                done,
                **{name: getattr(done, name) + count for name, count in step.items()},
            )
            connection.execute(
                "update sync.retention_runs set payloads = %s, calls = %s, quarantined = %s"
                " where retention_run_id = %s",
                [done.payloads, done.calls, done.quarantined, number],
            )
        connection.execute(
            "update sync.retention_runs set finished_at = clock_timestamp()"
            " where retention_run_id = %s",
            [number],
        )
        return done


def _last_due(connection: psycopg.Connection) -> Any:
    row = connection.execute(
        "select due from sync.retention_runs where finished_at is not null"
        " order by retention_run_id desc limit 1"
    ).fetchone()
    return row and row[0]


def _steps(
    connection: psycopg.Connection,
    due: list[Due],
    lock: Callable[[psycopg.Connection], None],
    say: Callable[[str], None],
) -> Iterator[dict[str, int]]:
    """One transaction each: what it changed."""
    telling = _Progress(say)
    yield from _payloads(connection, due, lock, telling)
    if alike.is_built(connection):
        yield from _calls(connection, due, lock, telling)
    with connection.transaction():
        gone = connection.execute(
            sql.SQL("delete from raw_segment.quarantine where {}").format(_old(due))
        )
    yield {"quarantined": gone.rowcount}


def _payloads(
    connection: psycopg.Connection,
    due: list[Due],
    lock: Callable[[psycopg.Connection], None],
    telling: "_Progress",
) -> Iterator[dict[str, int]]:
    connection.execute("drop table if exists pg_temp.due_calls")
    connection.execute(
        sql.SQL(
            "create temporary table due_calls as"
            " select ctid as place, event_seq, row_number() over () as number"
            " from raw_segment.events where kept_as = '' and received_at < {}"
        ).format(cutoff_of(due, "payloads"))
    )
    connection.execute("create index on due_calls (number)")
    connection.execute("analyze due_calls")
    (many,) = connection.execute("select count(*) from due_calls").fetchone()  # type: ignore[misc]
    for first in range(1, many + 1, STEP):
        with _locked(connection, lock), connection.transaction():
            # as keys are named now
            connection.execute(
                sql.SQL(
                    "create temporary table thinned on commit drop as with thinned as ("
                    "update raw_segment.events as events set payload = {}, kept_as = 'keys'"
                    " from due_calls where due_calls.number between {} and {}"
                    " and events.ctid = due_calls.place"
                    " and events.event_seq = due_calls.event_seq and events.kept_as = ''"
                    " returning events.event_seq,"
                    " case when type = 'group' then events.payload -> 'traits' end as traits"
                    ") select * from thinned"
                ).format(
                    kept_payload(connection), sql.Literal(first), sql.Literal(first + STEP - 1)
                )
            )
            changed = _forget_traits(connection)
        telling(f"{min(first + STEP - 1, many):,} of {many:,} payloads looked at")
        yield {"payloads": changed}


def _forget_traits(connection: psycopg.Connection) -> int:
    """Forget traits of companies that are in no payload any more; how many calls were thinned."""
    (many, is_built) = connection.execute(
        "select count(*), to_regclass('staging.stg_segment__group_traits') is not null from thinned"
    ).fetchone()  # type: ignore[misc]
    if is_built:
        for statement in (
            "delete from staging.stg_segment__group_traits as said using thinned"
            " where said.event_seq = thinned.event_seq"
            " and not coalesce(thinned.traits ? said.trait, false)",
            # of an object some members may be left
            "update staging.stg_segment__group_traits as said"
            " set value_text = left(thinned.traits ->> said.trait, 100) from thinned"
            " where said.event_seq = thinned.event_seq and said.value_type = 'object'",
        ):
            connection.execute(statement)
    return many


def _calls(
    connection: psycopg.Connection,
    due: list[Due],
    lock: Callable[[psycopg.Connection], None],
    telling: "_Progress",
) -> Iterator[dict[str, int]]:
    connection.execute("drop table if exists pg_temp.due_days")
    connection.execute(
        sql.SQL(
            "create temporary table due_days as"
            " select ctid as place, event_seq, (received_at at time zone 'UTC')::date as day"
            " from raw_segment.events"
            " where kept_as = 'keys' and type = any ({}) and received_at < {}"
        ).format(sql.Literal(list(alike.TYPES)), cutoff_of(due, "calls"))
    )
    connection.execute("create index on due_days (day)")
    connection.execute("analyze due_days")
    days = [day for (day,) in connection.execute("select distinct day from due_days order by day")]
    if days:
        with _locked(connection, lock):
            alike.note_order(connection)
    for number, day in enumerate(days, 1):
        with _locked(connection, lock), connection.transaction():
            changed = alike.fold(connection, day)
        telling(f"{number:,} of {counted(len(days), 'day')} looked at")
        yield {"calls": changed}


def _old(due: list[Due]) -> sql.Composable:
    """The condition of what was quarantined too long ago."""
    return sql.SQL("received_at < {}").format(cutoff_of(due, "payloads", has_type=False))


@contextmanager
def _locked(
    connection: psycopg.Connection, lock: Callable[[psycopg.Connection], None]
) -> Iterator[None]:
    lock(connection)
    try:
        yield
    finally:
        connection.execute(_UNLOCK)


class _Progress:
    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._said = time.monotonic()

    def __call__(self, line: str) -> None:
        if time.monotonic() - self._said > SAY_EVERY_SECONDS:
            self._say(f"  {line}")
            self._said = time.monotonic()
