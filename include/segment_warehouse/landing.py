"""Landing what Segment itself loaded: each row read once and counted once.

**Where a reading begins.** Segment stamps a row with the time at which it was loaded (`uuid_ts`;
for want of it `loaded_at`, then `received_at`), but rows become visible when its transaction ends,
and not in the order of that time. So a reading begins `MARGIN` before the latest load time that was
seen, and the rows within the margin are remembered: read again, they are not counted again. A row
that becomes visible later than the margin is found by `make warehouse FULL=1` alone.

**Tracks.** A track call is in the table of its event, with its properties, and in `tracks`,
without. The tables of events are read first; a row of `tracks` lands only if nothing brought its
call for `WAIT` after it was loaded: its event's table may be loaded a little later, and what has
landed stands.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from include.collector import made_ids
from include.collector.field_rules import UNREADABLE, WITHHELD
from include.collector.landing import new_token
from include.collector.load import were_there, were_turned_away
from include.collector.privacy import screen_now
from include.collector.screening import Screen
from include.collector.sources import add_source
from include.counting import counted
from include.errors import ServiceError
from include.segment_warehouse.calls import calls_query
from include.segment_warehouse.tables import TRACKS, Table, find_tables
from include.warehouse.connection import connect

# How much later than its load time a row may become visible. A day: longer than a load takes.
MARGIN = timedelta(days=1)
# How much later than `tracks` the table of an event may be loaded.
WAIT = timedelta(hours=1)
# Calls of one transaction.
STEP = 20_000
# A deadlock with a collector is tried again so often.
TRIES = 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class LandedTable:
    """What became of a table's new rows.

    `rows` = `landed` + `duplicates` + `quarantined` + `turned_away` + `told`; `told`: rows of
    `tracks` whose call has landed. `bare`: those of `landed` that are tracks without their
    properties. `waiting`: rows of `tracks` that are read again next time. `problem`: why it could
    not be read to its end.
    """

    table: str
    rows: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    told: int = 0
    bare: int = 0
    waiting: int = 0
    problem: str | None = None
    turned_away: int = 0

    def __str__(self) -> str:
        said = [
            f"{counted(self.rows, 'new row')}: {self.landed:,} landed, "
            f"{were_there(self.duplicates)}, {self.quarantined:,} quarantined"
            f"{were_turned_away(self.turned_away)}"
        ]
        if self.told:
            said.append(f"{self.told:,} told by the tables of their events")
        if self.bare:
            said.append(f"{self.bare:,} of them without properties: in no table of an event")
        if self.waiting:
            waits = "waits" if self.waiting == 1 else "wait"
            said.append(f"{self.waiting:,} {waits} for the tables of their events")
        if self.problem:
            said.append(self.problem)
        return f"{self.table}: {', '.join(said)}"


@dataclass(frozen=True)
class Landed:
    """What became of a reading, table by table. Calls: `landed`, `duplicates`, `quarantined`."""

    tables: tuple[LandedTable, ...]

    @property
    def landed(self) -> int:
        return sum(each.landed for each in self.tables)

    @property
    def duplicates(self) -> int:
        return sum(each.duplicates for each in self.tables)

    @property
    def quarantined(self) -> int:
        return sum(each.quarantined for each in self.tables)

    @property
    def turned_away(self) -> int:
        return sum(each.turned_away for each in self.tables)

    @property
    def unread(self) -> list[str]:
        """Tables that could not be read to their end."""
        return [each.table for each in self.tables if each.problem]

    def __str__(self) -> str:
        calls = self.landed + self.duplicates + self.quarantined + self.turned_away
        return (
            f"{counted(calls, 'call')} from {counted(len(self.tables), 'table')}: "
            f"{self.landed:,} landed, {were_there(self.duplicates)}, "
            f"{self.quarantined:,} quarantined{were_turned_away(self.turned_away)}"
        )


def land_warehouse_calls(
    url: str, schema: str, source: str, *, full: bool = False, say: Say = print
) -> Landed:
    """Land the calls of Segment's tables in `schema` that are new, as calls of `source`.

    `source` is made, of kind product, if it is missing. `full` reads every row again: what has
    landed counts as duplicate once more. A table that cannot be read (no permission, say) is said
    and costs the others nothing. Safe to repeat and to interrupt; a second reading at the same time
    waits for the first. Raises `SettingError` when the schema or Segment's tables are not there,
    `ServiceError` when Postgres does not answer.
    """
    with connect(url, application_name="segment warehouse", autocommit=True) as connection:
        connection.execute("set time zone 'UTC'")
        connection.execute("set client_min_messages = warning")
        found = find_tables(connection, schema)
        for name in found.without_event_text:
            say(
                f"{name}: not read, because it has no event_text, which names a call's event; its "
                f"calls land from {TRACKS}, without their properties"
            )
        add_source(url, source)
        connection.execute("select pg_advisory_lock(hashtext('planhat-segment warehouse reading'))")
        done: list[LandedTable] = []
        unread_events = False
        for table in found.tables:
            if table.is_roll_up and unread_events:
                problem = "not read, because the table of an event could not be read"
                landed = LandedTable(table.name, problem=problem)
            else:
                landed = _land_table(url, connection, table, source, full)
            done.append(landed)
            unread_events = unread_events or (table.type == "track" and landed.problem is not None)
            if landed.rows or landed.waiting or landed.problem:
                say(str(landed))
    return Landed(tuple(done))


def _land_table(
    url: str, connection: psycopg.Connection, table: Table, source: str, full: bool
) -> LandedTable:
    landed = duplicates = quarantined = turned_away = 0
    try:
        table_id, since = _where_to_begin(connection, table, full)
        rows, told, waiting = _collect(connection, table, table_id, since, full)
        _screen(connection, table, asyncio.run(screen_now(url, source)))
        for first in range(0, rows, STEP):
            step = _land_step(connection, table, table_id, source, first)
            landed += step[0]
            duplicates += step[1]
            quarantined += step[2]
            turned_away += step[3]
        _remember(connection, table_id)
    except psycopg.OperationalError as error:
        if connection.closed:
            raise ServiceError("Postgres went away; what had landed stays. Run it again.") from None
        problem = _one_line(error)
    except psycopg.Error as error:
        problem = _one_line(error)
    else:
        bare = landed if table.is_roll_up else 0
        return LandedTable(
            table.name, rows, landed, duplicates, quarantined, told, bare, waiting,
            turned_away=turned_away,
        )  # fmt: skip
    rows = landed + duplicates + quarantined + turned_away
    return LandedTable(
        table.name, rows, landed, duplicates, quarantined, problem=problem, turned_away=turned_away
    )


def _one_line(error: psycopg.Error) -> str:
    # the kind, not the message: that may quote a value
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "could not be read: the warehouse's user has no permission to"
    return f"could not be read: {type(error).__name__} ({error.sqlstate})"


def _where_to_begin(
    connection: psycopg.Connection, table: Table, full: bool
) -> tuple[int, datetime | None]:
    row = connection.execute(
        "insert into raw_segment.warehouse_tables as w (schema_name, table_name) values (%s, %s)"
        " on conflict (schema_name, table_name) do update set schema_name = excluded.schema_name"
        " returning warehouse_table_id, read_to - %s",
        [table.schema, table.name, MARGIN],
    ).fetchone()
    table_id, since = row  # type: ignore[misc]
    return table_id, None if full else since


def _collect(
    connection: psycopg.Connection, table: Table, table_id: int, since: datetime | None, full: bool
) -> tuple[int, int, int]:
    """The new rows as calls, in a table of this session's: how many, told, and left to wait."""
    is_new = sql.SQL("true") if full else _UNSEEN.format(sql.Literal(table_id))
    connection.execute("drop table if exists pg_temp.warehouse_calls")
    connection.execute(_COLLECT.format(calls=calls_query(table, since, WAIT, is_new)))
    connection.execute("create unique index on pg_temp.warehouse_calls (place)")
    connection.execute("analyze pg_temp.warehouse_calls")
    counted = connection.execute(
        "select count(*) filter (where fate <> 'waiting'), count(*) filter (where fate = 'told'),"
        " count(*) filter (where fate = 'waiting') from pg_temp.warehouse_calls"
    ).fetchone()
    return counted  # type: ignore[return-value]


_UNSEEN = sql.SQL(
    "not exists (select from raw_segment.warehouse_rows as seen"
    " where seen.warehouse_table_id = {} and seen.row_key = c.row_key)"
)

# By id, as a collector lands: two that land the same calls in different orders would wait for each
# other. Of one id in several rows the first that was received lands. What waits comes last, behind
# what is landed.
_COLLECT = sql.SQL(
    """
create temp table warehouse_calls as
select
    c.*,
    ''::text as field_rules,
    row_number() over (
        order by c.fate = 'waiting', c.message_id collate "C", c.received_at, c.payload
    ) - 1 as place
from ({calls}) as c
"""
)


def _screen(connection: psycopg.Connection, table: Table, screen: Screen) -> None:
    """Mark calls of suppressed people, and change the others as field rules say, by the same
    readers as of every other way in.

    A row of `tracks` is not counted: the table of its event brought the call, and kept nothing by
    which that could be told.
    """
    turned_away, rules = screen
    if turned_away is None and rules is None:
        return
    gone: list[int] = []
    changed: list[tuple[int, str, str]] = []
    with connection.transaction(), connection.cursor("calls") as calls:
        calls.itersize = STEP
        calls.execute(
            "select place, payload::text, received_at from pg_temp.warehouse_calls"
            " where fate = 'new'"
        )
        for place, payload, received_at in calls:
            if turned_away and turned_away.payload(payload.encode(), table.type, received_at):
                gone.append(place)
            elif rules is not None:
                try:
                    left, by = rules.payload(payload.encode(), table.type)
                except UNREADABLE:  # too deep: a row for the quarantine
                    left, by = b"null", WITHHELD
                if by:
                    changed.append((place, left.decode(), by))
    connection.execute(
        "update pg_temp.warehouse_calls set fate = %s where place = any(%s)",
        ["told" if table.is_roll_up else "turned away", gone],
    )
    for first in range(0, len(changed), STEP):
        places, payloads, by_rules = zip(*changed[first : first + STEP], strict=True)
        connection.execute(
            "update pg_temp.warehouse_calls as calls"
            " set payload = changed.payload::jsonb, field_rules = changed.by_rules"
            " from unnest(%s::bigint[], %s::text[], %s::text[])"
            " as changed (place, payload, by_rules) where calls.place = changed.place",
            [list(places), list(payloads), list(by_rules)],
        )


def _land_step(
    connection: psycopg.Connection, table: Table, table_id: int, source: str, first: int
) -> tuple[int, int, int, int]:
    statement = _LAND.format(
        # a load with a token is one that the books are checked against
        token=sql.Literal(new_token()),
        source=sql.Literal(source),
        table=sql.Literal(f"table {table.name}"),
        prefix=sql.Literal(made_ids.PREFIX),
        type=sql.Literal(table.type),
        table_id=sql.Literal(table_id),
        first=sql.Literal(first),
        end=sql.Literal(first + STEP),
    )
    for attempt in range(TRIES):
        try:
            return connection.execute(statement).fetchone()  # type: ignore[return-value]
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            if attempt == TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


# One transaction: the calls, the books, and which rows they were.
_LAND = sql.SQL(
    """
with step as materialized (
    select * from pg_temp.warehouse_calls
    where place >= {first} and place < {end} and fate <> 'waiting'
),
good as (
    select * from step where fate = 'new' and reason is null
),
load as (
    insert into raw_segment.loads (token)
    select {token} where exists (select from good)
    returning load_id
),
landed as (
    insert into raw_segment.events
        (message_id, source, type, received_at, payload, load_id, field_rules)
    select
        g.message_id, {source}, {type}, g.received_at, g.payload, load.load_id, g.field_rules
    from good as g, load
    order by g.place
    on conflict (message_key) do nothing
    returning received_at
),
quarantined as (
    insert into raw_segment.quarantine
        (received_at, source, reason, detail, payload, message_id, field_rules)
    select
        received_at, {source}, reason, {table}, payload::text,
        -- the same row again has the same id
        case when message_id is null then {prefix} || md5({source} || {table} || row_key) end,
        field_rules
    from step
    where fate = 'new' and reason is not null
),
seen as (
    insert into raw_segment.warehouse_rows (warehouse_table_id, row_key, loaded_at)
    select {table_id}, row_key, loaded_at from step
    on conflict do nothing
),
received as (
    select
        date_trunc('hour', received_at, 'UTC') as hour,
        count(*) as calls,
        count(*) filter (where fate = 'new' and reason is not null) as quarantined,
        count(*) filter (where fate = 'new' and message_id is null) as made_ids,
        count(*) filter (where fate = 'turned away') as turned_away
    from step
    where fate <> 'told'
    group by 1
),
landed_by_hour as (
    select date_trunc('hour', received_at, 'UTC') as hour, count(*) as calls from landed group by 1
),
rule_books as (
    insert into raw_segment.field_rule_hours as r (source, hour, rule_id, calls)
    select {source}, date_trunc('hour', received_at, 'UTC'), rule::integer, count(*)
    from step, string_to_array(field_rules, ',') as each (rules), unnest(each.rules) as rule
    where fate = 'new' and field_rules <> ''
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (source, hour, rule_id) do update set calls = r.calls + excluded.calls
),
books as (
    insert into raw_segment.intake as i
        (source, hour, received, landed, duplicates, quarantined, made_ids, turned_away)
    select
        {source}, r.hour, r.calls, coalesce(l.calls, 0),
        r.calls - r.quarantined - r.turned_away - coalesce(l.calls, 0), r.quarantined, r.made_ids,
        r.turned_away
    from received as r left join landed_by_hour as l using (hour)
    order by r.hour
    on conflict (source, hour) do update set
        received = i.received + excluded.received,
        landed = i.landed + excluded.landed,
        duplicates = i.duplicates + excluded.duplicates,
        quarantined = i.quarantined + excluded.quarantined,
        made_ids = i.made_ids + excluded.made_ids,
        turned_away = i.turned_away + excluded.turned_away
    returning 1
)
select
    coalesce((select sum(calls) from landed_by_hour), 0)::bigint,
    coalesce(sum(calls - quarantined - turned_away), 0)::bigint
    - coalesce((select sum(calls) from landed_by_hour), 0)::bigint,
    coalesce(sum(quarantined), 0)::bigint,
    coalesce(sum(turned_away), 0)::bigint
from received
"""
)


def _remember(connection: psycopg.Connection, table_id: int) -> None:
    """How far the table has been read; rows before the margin need not be known any more."""
    connection.execute(
        """
        with read as (
            update raw_segment.warehouse_tables
            set
                -- a load time in the future must not hide what is loaded until then; without new
                -- rows it stays (greatest ignores a null)
                read_to = greatest(read_to, (
                    select max(least(loaded_at, now())) from pg_temp.warehouse_calls
                    where fate <> 'waiting' and loaded_at is not null
                )),
                read_at = now()
            where warehouse_table_id = %(table)s
            returning read_to
        )
        delete from raw_segment.warehouse_rows
        where
            warehouse_table_id = %(table)s
            and loaded_at < (select read_to from read) - %(margin)s
        """,
        {"table": table_id, "margin": MARGIN},
    )
    connection.execute("drop table pg_temp.warehouse_calls")
