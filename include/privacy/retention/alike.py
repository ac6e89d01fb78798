"""Calls of a day that are alike: the first and the last stay, and one stands for those between.

Alike is what a build tells nobody apart by: the same keys, names and flags, the same hour of
lateness, the same link. Those between get the payload and the times of one of them, so that each is
counted where it was, and nothing is left of it but its message id, which keeps a repeat out. What
has them first or last still has: a full build makes every number as it was.

Left alone are calls by whose order others of that day are told apart: of user ids of several
companies, and on devices that have been used under several keys.
"""

from datetime import date

import psycopg
from psycopg import sql

# Others say what somebody or something is, not that something happened.
TYPES = ("track", "page", "screen")

# On other days the last link or naming call before a call, or the first after it, has stayed.
_ORDERED_DEVICES = """
    create temporary table ordered_devices as
    select distinct anonymous_id, event_date from intermediate.int_identity__anonymous_calls
    where anonymous_id in (
        select anonymous_id from intermediate.int_identity__links
        group by anonymous_id having count(distinct keyset) > 1
    )
"""
_ORDERED_USERS = """
    create temporary table ordered_users as
    select distinct keys.user_id, calls.event_date
    from intermediate.int_identity__placed_calls as placed
    inner join intermediate.int_identity__keys as keys on placed.unplaced_keyset = keys.keyset
    inner join staging.stg_segment__calls as calls using (event_seq)
"""

# `between`: what lies strictly between the first and the last, of which the earliest received is
# the one that stands for all.
_ALIKE = """
    create temporary table alike on commit drop as
    with calls as (
        select
            due_days.place,
            calls.event_seq,
            calls.message_id,
            calls.event_at,
            calls.received_at,
            md5(concat_ws(
                ' ',
                to_jsonb(calls.*) - %(times)s::text[],
                to_jsonb(scoped.*) - %(times)s::text[],
                anonymous_calls.link_event_seq,
                -- within which int_quality__lateness tells no delays apart
                ceil(extract(epoch from calls.received_at - calls.event_at) / 3600)
            )) as said
        from due_days
        inner join staging.stg_segment__calls as calls using (event_seq)
        inner join intermediate.int_identity__calls as scoped using (event_seq)
        left join intermediate.int_identity__anonymous_calls as anonymous_calls using (event_seq)
        left join intermediate.int_identity__keys as keys
            on keys.keyset = coalesce(anonymous_calls.keyset, calls.keyset)
        where
            due_days.day = %(day)s
            and calls.time_problem is null
            and not exists (
                select from intermediate.int_identity__placed_calls as placed
                where placed.event_seq = calls.event_seq
            )
            and not exists (
                select from ordered_users
                where
                    ordered_users.user_id = keys.user_id
                    and ordered_users.event_date = calls.event_date
            )
            and not exists (
                select from intermediate.int_identity__links as links
                inner join ordered_devices using (anonymous_id)
                where
                    links.event_seq = calls.event_seq
                    and ordered_devices.event_date = calls.event_date
            )
    ),
    ordered as (
        select
            *,
            min(event_at) over alike < event_at and event_at < max(event_at) over alike
                as is_between
        from calls
        window alike as (partition by said)
    )
    select
        place,
        event_seq,
        is_between,
        first_value(place) over standing as standing,
        first_value(event_at) over standing as event_at,
        first_value(received_at) over standing as received_at
    from ordered
    window standing as (
        partition by said, is_between order by received_at, event_at, message_id collate "C"
    )
"""
_TIMES = ["event_seq", "event_at", "received_at", "message_id", "build_id"]
_FOLDED = """
    create temporary table folded on commit drop as
    select alike.*, events.payload as kept
    from alike
    inner join raw_segment.events as events on alike.standing = events.ctid
    where alike.is_between and alike.standing <> alike.place
"""

_MOVED = """
    create temporary table moved_hours on commit drop as
    select source, hour, sum(sign) as calls, sum(sign) filter (where is_checked) as checked
    from (
        select
            events.source, side.sign,
            date_trunc('hour', side.received_at, 'UTC') as hour,
            coalesce(
                pg_visible_in_snapshot(loads.transaction_id, books_check.seen), false
            ) as is_checked
        from folded
        inner join raw_segment.events as events on folded.place = events.ctid
        inner join raw_segment.loads as loads using (load_id)
        left join raw_segment.books_check on true
        cross join lateral (
            values (1, events.received_at), (-1, folded.received_at)
        ) as side (sign, received_at)
        where loads.token is not null
    ) as moved
    group by 1, 2
    having sum(sign) <> 0 or sum(sign) filter (where is_checked) <> 0
"""
_BOOK = (
    "select pg_advisory_xact_lock(hashtext('planhat-segment books'))",
    _MOVED,
    """
    insert into raw_segment.intake as intake (source, hour, moved)
    select source, hour, calls from moved_hours
    on conflict (source, hour) do update set moved = intake.moved + excluded.moved
    """,
    """
    insert into raw_segment.books_checked as checked (source, hour, landed)
    select source, hour, -moved_hours.checked from moved_hours where moved_hours.checked <> 0
    on conflict (source, hour) do update set landed = checked.landed + excluded.landed
    """,
)

# Two statements: Postgres knows nothing of how many places a join of both would find.
_WRITE = (
    """
    update raw_segment.events as events
    set payload = folded.kept, received_at = folded.received_at, kept_as = 'days'
    from folded
    where events.ctid = folded.place and events.event_seq = folded.event_seq
    """,
    """
    update raw_segment.events as events
    set kept_as = 'days'
    from alike
    where
        events.ctid = alike.place and events.event_seq = alike.event_seq
        and alike.event_seq not in (select folded.event_seq from folded)
    """,
)

# Tables of a row a call hold what the calls are now. Only links tell their readers: which of them
# is the nearest may be another one.
_CALLS = "staging.stg_segment__calls", "intermediate.int_identity__anonymous_calls"
_LINKS = "intermediate.int_identity__links"


def note_order(connection: psycopg.Connection) -> None:
    """Note, for this session, by the order of whose calls others of the day are told apart."""
    for name, query in (("users", _ORDERED_USERS), ("devices", _ORDERED_DEVICES)):
        connection.execute(f"drop table if exists pg_temp.ordered_{name}")
        connection.execute(query)
        connection.execute(f"analyze ordered_{name}")


def fold(connection: psycopg.Connection, day: date) -> int:
    """Let one stand for all between, of calls received on a day: how many it stands for.

    In the caller's transaction, under the lock of builds. Reads `due_days` (place, event_seq, day),
    whose payloads are kept as keys.
    """
    connection.execute(_ALIKE, {"day": day, "times": _TIMES})
    # so that calls are gone to by their place, and the table is not read for each day
    connection.execute("analyze alike")
    connection.execute(_FOLDED)
    connection.execute("create unique index on folded (event_seq)")
    connection.execute("analyze folded")
    (many,) = connection.execute("select count(*) from folded").fetchone()  # type: ignore[misc]
    if many:
        for statement in _BOOK:
            connection.execute(statement)
    for statement in _WRITE:
        connection.execute(statement)
    if many:
        for table in _CALLS:
            connection.execute(
                f"update {table} as calls set event_at = folded.event_at,"  # noqa: S608
                " received_at = folded.received_at"
                " from folded where calls.event_seq = folded.event_seq"
            )
        _move_links(connection)
    return many


def _move_links(connection: psycopg.Connection) -> None:
    """Move links, and tell the next build, which reads the journal, as any build tells the next."""
    columns = [
        sql.Identifier(name)
        for (name,) in connection.execute(
            "select attname from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
            [_LINKS],
        )
    ]
    tell = sql.SQL(
        "insert into {journal} (journal_build, journal_sign, {columns})"
        " select (select max(build_id) + 1 from sync.builds), {sign}, {columns} from {links}"
        " where event_seq in (select event_seq from folded)"
    )
    parts = {
        "columns": sql.SQL(", ").join(columns),
        "links": sql.Identifier(*_LINKS.split(".")),
        "journal": sql.Identifier(*f"{_LINKS}__journal".split(".")),
    }
    if not connection.execute(tell.format(sign=sql.Literal(-1), **parts)).rowcount:
        return
    connection.execute(
        f"update {_LINKS} as links set event_at = folded.event_at"  # noqa: S608
        " from folded where links.event_seq = folded.event_seq"
    )
    connection.execute(tell.format(sign=sql.Literal(1), **parts))
    # so that it asks all models, whatever has landed
    connection.execute("select nextval('sync.setting_changes')")


def is_built(connection: psycopg.Connection) -> bool:
    """Whether there are the tables that tell which calls are alike."""
    (there,) = connection.execute(
        "select to_regclass('intermediate.int_identity__placed_calls') is not null"
        " and to_regclass('staging.stg_segment__calls') is not null"
    ).fetchone()  # type: ignore[misc]
    return there
