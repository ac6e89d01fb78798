"""Do the books of the intake add up, and is what they say has landed in the table?

Every transaction of the collector writes calls and books together. So what the books of an hour
have gained since the last check must be what the loads since then hold of that hour. Counting only
those keeps a check as cheap as what is new, and calls of old months may be deleted. Calls of people
who were forgotten (`forgotten`) are gone from both sides, and those that stand in another hour now
(`moved`) are counted there.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from include.warehouse.connection import connect

_UNBALANCED = """
select source, hour, 'received' as what, received as booked,
    landed + duplicates + quarantined + spooled + turned_away as found
from raw_segment.intake
where received <> landed + duplicates + quarantined + spooled + turned_away
union all
select source, hour, 'differing', differing, duplicates
from raw_segment.intake
where differing > duplicates
union all
select
    source, hour, 'negative',
    least(landed, duplicates, quarantined, spooled, differing, turned_away), 0
from raw_segment.intake
where least(landed, duplicates, quarantined, spooled, differing, turned_away) < 0
"""

_NEW_LOADS = """
select min(load_id), max(load_id)
from raw_segment.loads_since(%(seen)s::pg_snapshot) as load_id
"""

# Hours that have gained anything since. `first`, `last`: where in the table the new loads are.
_GAINED = """
with counted as (
    select source, date_trunc('hour', received_at, 'UTC') as hour, count(*) as calls
    from raw_segment.events
    where
        load_id between %(first)s and %(last)s
        and load_id in (
            select each from raw_segment.loads_since(%(seen)s::pg_snapshot) as each
        )
    group by 1, 2
)
select
    source, hour, 'landed' as what,
    coalesce(intake.landed - intake.forgotten - intake.moved, 0)
    - coalesce(books_checked.landed, 0) as booked,
    coalesce(counted.calls, 0) as found
from
    raw_segment.intake
    full join raw_segment.books_checked using (source, hour)
    full join counted using (source, hour)
where
    coalesce(intake.landed - intake.forgotten - intake.moved, 0)
    <> coalesce(books_checked.landed, 0)
    or counted.calls is not null
order by source, hour
"""

_KEEP = """
with checked as (
    insert into raw_segment.books_checked as b (source, hour, landed)
    select intake.source, intake.hour, intake.landed - intake.forgotten - intake.moved
    from raw_segment.intake left join raw_segment.books_checked as before using (source, hour)
    where intake.landed - intake.forgotten - intake.moved is distinct from before.landed
    on conflict (source, hour) do update set landed = excluded.landed
)
insert into raw_segment.books_check (seen) values (pg_current_snapshot())
on conflict (is_the_only_row) do update set seen = excluded.seen, checked_at = now()
"""

# Numbers of transactions that this server has not given out yet are those of another one.
_IS_RESTORED = """
select
    exists (
        select from raw_segment.loads
        where transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
    )
    or exists (
        select from raw_segment.books_check
        where pg_snapshot_xmax(seen) > pg_snapshot_xmax(pg_current_snapshot())
    )
"""


class Difference(NamedTuple):
    """A row of the books that is wrong.

    `what`: `received` (booked received, found the sum of its parts), `landed` (booked since the
    last check, found in the table), `differing` (more than the duplicates it is a part of),
    `negative` (a count below 0).
    """

    source: str
    hour: datetime
    what: str
    booked: int
    found: int

    def __str__(self) -> str:
        hour = self.hour.astimezone(UTC).strftime("%Y-%m-%d %H:00")
        return f"{self.source}, {hour} UTC: {self.what} {self.booked:,}, found {self.found:,}"


class Checked(NamedTuple):
    """What a check looked at: calls of new loads, and what does not add up."""

    calls: int
    differences: list[Difference]


def check_books(url: str, *, accept: bool = False) -> Checked:
    """Check the books of all hours, and the calls that landed since the last check against them.

    Costs what is new: the table is read from the first new load on. While there are differences,
    the next check looks at the same again and finds them again; `accept` takes things as they are,
    for when somebody knows why. After a restore into another server everything is counted once.
    Waits for another check that runs. Raises `ServiceError` when Postgres does not answer.
    """
    with connect(url, application_name="books", autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('planhat-segment books'))")
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            _begin_anew_after_restore(connection)
            gained = _gained(connection)
            differences = [Difference(*row) for row in connection.execute(_UNBALANCED)]
            differences += [each for each in gained if each.booked != each.found]
            if accept or not differences:
                connection.execute(_KEEP)
        return Checked(sum(each.found for each in gained), differences)


def _begin_anew_after_restore(connection: psycopg.Connection) -> None:
    (is_restored,) = _one(connection, _IS_RESTORED)
    if is_restored:
        # What is restored is older than every transaction of this server.
        connection.execute(
            "update raw_segment.loads set transaction_id = '3'"
            " where transaction_id >= pg_snapshot_xmax(pg_current_snapshot())"
        )
        connection.execute("delete from raw_segment.books_checked")
        connection.execute("delete from raw_segment.books_check")


def _gained(connection: psycopg.Connection) -> list[Difference]:
    (seen,) = _one(connection, "select max(seen::text) from raw_segment.books_check")
    first, last = _one(connection, _NEW_LOADS, seen=seen)
    values = {"seen": seen, "first": first, "last": last}
    return [Difference(*row) for row in connection.execute(_GAINED, values)]


def _one(connection: psycopg.Connection, query: str, **values: str | None) -> tuple:
    found = connection.execute(query, values).fetchone()
    assert found is not None
    return found
