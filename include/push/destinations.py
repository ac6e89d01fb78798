"""Where pushes go, as a person knows it: the address, and how the write key ends."""

import psycopg

from include.counting import counted
from include.settings import SegmentConnection


def remember(connection: psycopg.Connection, segment: SegmentConnection) -> None:
    """Keep what a person needs to recognise the destination by; the ledger has only a hash."""
    connection.execute(
        """
        insert into sync.destinations (destination, address, key_end)
        values (%s, %s, %s)
        on conflict (destination) do update set address = excluded.address
        """,
        [segment.destination, segment.host, segment.key_end],
    )


def name_of(connection: psycopg.Connection, destination: str) -> str:
    """As `SegmentConnection.name` says it; the host alone of one from before it was kept."""
    row = connection.execute(
        "select address, key_end from sync.destinations where destination = %s", [destination]
    ).fetchone()
    if row is None:
        return destination.split("#", 1)[0]
    address, key_end = row
    return f"{address} (key …{key_end})" if key_end else address


def is_new(connection: psycopg.Connection, destination: str) -> bool:
    """Nothing of ours is there, or may be there, as far as the ledger knows."""
    row = connection.execute(
        "select not exists (select from sync.objects where destination = %s)", [destination]
    ).fetchone()
    return row[0]  # type: ignore[index]


def before(connection: psycopg.Connection, destination: str) -> str | None:
    """The name of the destination that was last pushed to, where it is another one."""
    row = connection.execute(
        """
        select destination from sync.runs
        where
            not is_dry and destination <> %s
            and exists (select from sync.objects where objects.destination = runs.destination)
        order by run_id desc
        limit 1
        """,
        [destination],
    ).fetchone()
    return None if row is None else name_of(connection, row[0])


def first_push(
    connection: psycopg.Connection, destination: str, objects: int, *, name: str | None = None
) -> str:
    """That everything will be new there, in a line; and where it went until now.

    `name` of a destination that no run has asked for yet.
    """
    name = name or name_of(connection, destination)
    last = before(connection, destination)
    return (
        f"Segment has nothing of ours yet at {name}: {counted(objects, 'object')} will be added"
        + (f"; pushes went to {last} until now" if last else "")
    )
