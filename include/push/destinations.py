"""Where pushes go, as a person knows it: the address, and how the write key ends."""

import psycopg

from include.connections import Destination, Kind, destination_name
from include.counting import counted


def remember(connection: psycopg.Connection, to: Destination) -> None:
    """Keep what a person needs to recognise the destination by; the ledger has only a hash."""
    connection.execute(
        """
        insert into sync.destinations (destination, kind, address, key_end)
        values (%s, %s, %s, %s)
        on conflict (destination) do update set address = excluded.address
        """,
        [to.destination, to.kind, to.host, to.key_end],
    )


def name_of(connection: psycopg.Connection, destination: str) -> str:
    """As its connection's `name` says it; the host alone of one from before it was kept."""
    row = connection.execute(
        "select address, kind, key_end from sync.destinations where destination = %s", [destination]
    ).fetchone()
    if row is None:
        return destination.split("#", 1)[0]
    return destination_name(*row)


def kind_of(connection: psycopg.Connection, destination: str) -> Kind:
    """Whose API it is; Segment's of one from before it was kept."""
    row = connection.execute(
        "select kind from sync.destinations where destination = %s", [destination]
    ).fetchone()
    return "segment" if row is None else row[0]


def is_new(connection: psycopg.Connection, destination: str) -> bool:
    """Nothing of ours is there, or may be there, as far as the ledger knows."""
    row = connection.execute(
        "select not exists (select from sync.objects where destination = %s)", [destination]
    ).fetchone()
    return row[0]  # type: ignore[index]


def before(connection: psycopg.Connection, destination: str, kind: Kind) -> str | None:
    """The name of the destination that was last pushed to, where it is another one of its kind."""
    row = connection.execute(
        """
        select destination from sync.runs
        where
            not is_dry and destination <> %(destination)s
            and coalesce(
                (select kind from sync.destinations where destination = runs.destination), 'segment'
            ) = %(kind)s
            and exists (select from sync.objects where objects.destination = runs.destination)
        order by run_id desc
        limit 1
        """,
        {"destination": destination, "kind": kind},
    ).fetchone()
    return None if row is None else name_of(connection, row[0])


def first_push(
    connection: psycopg.Connection,
    destination: str,
    objects: int | None,
    *,
    to: Destination | None = None,
) -> str:
    """That everything will be new there, in a line; and where it went until now.

    `objects`: how many, where that is known; `to`: of a destination that no run has asked for yet.
    """
    name = to.name if to else name_of(connection, destination)
    kind = to.kind if to else kind_of(connection, destination)
    last = before(connection, destination, kind)
    added = "everything" if objects is None else counted(objects, "object")
    return f"{kind.title()} has nothing of ours yet at {name}: {added} will be added" + (
        f"; pushes went to {last} until now" if last else ""
    )
