"""Full resyncs: a generation a model, which every object must have been sent in.

One that is interrupted goes on with the next push, full or not, until it is complete or somebody
takes it back.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from include.connections import Destination
from include.errors import BusyError
from include.push.plainly import plainly
from include.push.plan_settings import PlanSettings
from include.push.runs import active_run
from include.warehouse.connection import connect


@dataclass(frozen=True)
class Interrupted:
    """A model's resync that did not come to its end; `left` objects have not been sent in it."""

    model: str
    left: int
    requested_by: str
    requested_at: datetime


# What has not been sent in a resync yet.
_LEFT = """
    select from sync.objects
    where
        objects.destination = resyncs.destination and objects.model = resyncs.model
        and objects.generation < resyncs.generation and objects.removed_at is null
"""


def state(connection: psycopg.Connection, destination: str, model: str) -> tuple[int, bool]:
    """The generation that objects must have been sent in, and whether some have not been yet."""
    row = connection.execute(
        f"""
        select generation, completed_at is null and exists ({_LEFT})
        from sync.resyncs
        where destination = %s and model = %s and taken_back_at is null
        order by generation desc
        limit 1
        """,  # noqa: S608
        [destination, model],
    ).fetchone()
    return (0, False) if row is None else (row[0], row[1])


def next_generation(connection: psycopg.Connection, destination: str, model: str) -> int:
    """Above every generation that anything was ever sent in, one that was taken back too."""
    row = connection.execute(
        "select coalesce(max(generation), 0) + 1 from sync.resyncs"
        " where destination = %s and model = %s",
        [destination, model],
    ).fetchone()
    return row[0]  # type: ignore[index]


def begin(connection: psycopg.Connection, models: list[str], plan: PlanSettings) -> None:
    """Begin a generation for each model, all at once and before any is planned.

    So a run that is interrupted leaves none behind. A model whose last resync was interrupted goes
    on with that one.
    """
    for model in models:
        _, is_interrupted = state(connection, plan.destination, model)
        if is_interrupted:
            continue
        connection.execute(
            """
            insert into sync.resyncs (destination, model, generation, requested_by)
            values (%s, %s, %s, %s)
            """,
            [
                plan.destination, model,
                next_generation(connection, plan.destination, model), plan.requested_by,
            ],
        )  # fmt: skip


def interrupted(connection: psycopg.Connection, destination: str) -> list[Interrupted]:
    """The resyncs that would go on with the next push."""
    rows = connection.execute(
        f"""
        with open_ones as (
            select
                model, requested_by, requested_at,
                (select count(*) from ({_LEFT}) as waiting) as waiting
            from sync.resyncs
            where destination = %s and taken_back_at is null and completed_at is null
        )

        select distinct on (model) model, waiting, requested_by, requested_at
        from open_ones
        where waiting > 0
        order by model, requested_at desc
        """,  # noqa: S608
        [destination],
    ).fetchall()
    return [Interrupted(*row) for row in rows]


def remark(found: list[Interrupted]) -> str:
    """That a resync goes on, in a line for the plan."""
    newest = max(found, key=lambda each: each.requested_at)
    at = f"{newest.requested_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    left = ", ".join(f"{each.left:,} of {each.model}" for each in found)
    return (
        f"a full resync that {newest.requested_by} asked for at {at} goes on, changed or not: "
        f"{left} to be sent"
    )


def mark_complete(connection: psycopg.Connection, destination: str) -> None:
    """Note which resyncs have nothing left, so that nobody has to look again."""
    connection.execute(
        f"""
        update sync.resyncs set completed_at = clock_timestamp()
        where
            destination = %s and completed_at is null and taken_back_at is null
            and not exists ({_LEFT})
        """,  # noqa: S608
        [destination],
    )


@plainly
def take_back(url: str, to: Destination, requested_by: str) -> list[Interrupted]:
    """End the interrupted resyncs for good: what they did not come to is sent when it changes.

    Returns those that were taken back. Raises `BusyError` while a push is active.
    """
    active = active_run(url, to)
    if active is not None:
        raise BusyError(f"A push is active: {active}. Stop it first, then take the resync back.")
    with connect(url, application_name="push resync") as connection:
        found = interrupted(connection, to.destination)
        connection.execute(
            """
            update sync.resyncs
            set taken_back_by = %s, taken_back_at = clock_timestamp()
            where
                destination = %s and model = any(%s)
                and completed_at is null and taken_back_at is null
            """,
            [requested_by, to.destination, [each.model for each in found]],
        )
    return found
