"""The query that makes calls of a table's rows.

Names and texts are those of a stranger's schema: identifiers and literals of psycopg alone, and no
parameters, because a name may contain a per cent sign.
"""

import re
from datetime import datetime, timedelta

from psycopg import sql

from include.blank import BLANK
from include.collector.event import LONGEST_MESSAGE_ID, MAX_DEPTH, MAX_DIGITS, MAX_EXPONENT
from include.collector.options import WEBHOOK_LIMITS
from include.segment_warehouse.tables import Column, Table

# Columns that are no trait and no property, whatever the table.
_OF_THE_CALL = {
    "id", "uuid", "uuid_ts", "loaded_at", "received_at", "sent_at", "timestamp",
    "original_timestamp", "user_id", "anonymous_id",
}  # fmt: skip
# Those of one kind of table: elsewhere the name is a trait or a property like any other.
_OF_THE_KIND = {
    "track": {"event", "event_text"}, "group": {"group_id"}, "alias": {"previous_id"},
}  # fmt: skip
_CONTEXT = "context_"
# Objects of the context, by Segment's specification: their members come as columns of their own.
_CONTEXT_OBJECTS = (
    "traits", "app", "campaign", "device", "library", "location", "network", "os", "page",
    "referrer", "screen",
)  # fmt: skip
_CONTEXT_NAMES = {"group_id": "groupId"}

# A longer text makes the call too large in any case; what is kept of it has an end.
LONGEST_TEXT = WEBHOOK_LIMITS.event_bytes + 1
_TEXTS = {"text", "varchar", "bpchar", "name"}
_AS_THEY_ARE = {
    "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "timestamptz", "date", "uuid",
    "jsonb",
}  # fmt: skip
_TIMES = {"timestamptz", "timestamp", "date"}
_DOCUMENTS = {"json", "jsonb"}
# A write key that a client put into a call: no data of anybody.
_KEY = re.compile(r"(^|_)write_?key$", re.IGNORECASE)

_NULL = sql.SQL("null")


def calls_query(
    table: Table, since: datetime | None, wait: timedelta, is_new: sql.Composable
) -> sql.Composable:
    """Rows of the table that were loaded at or after `since` (None: all), as calls.

    `is_new` is a condition on `c.row_key`, what a row is remembered by; other rows are left out.

    Columns: `message_id`, `row_key`, `loaded_at`, `received_at`, `payload`, `reason` (why it cannot
    land, else null) and `fate`: `new`, or of a row of `tracks`, `told` when the call has landed and
    `waiting` when its event's table may still bring it: for `wait` after it was loaded.
    """
    time = table.load_time
    loaded_at = _time(time)
    parts = {
        "name": sql.Identifier(table.schema, table.name),
        "type": sql.Literal(table.type),
        "message_id": sql.SQL("nullif(btrim({}::text, {}), '')").format(
            _column(table, "id"), sql.Literal(BLANK)
        ),
        "loaded_at": loaded_at,
        "since": _since(time, since),
        "is_new": is_new,
        "has_received_at": sql.SQL("{} is not null").format(_column(table, "received_at")),
        "said_at": _time(table.column("received_at")),
        "stamped_at": _time(table.column("timestamp")),
        "original_at": _time(table.column("original_timestamp")),
        "sent_at": _time(table.column("sent_at")),
        "stamped": _said_time(table.column("timestamp")),
        "original": _said_time(table.column("original_timestamp")),
        "sent": _said_time(table.column("sent_at")),
        "received": _said_time(table.column("received_at")),
        "user_id": _json(table.column("user_id")),
        "anonymous_id": _json(table.column("anonymous_id")),
        "group_id": _json(table.column("group_id") if table.type == "group" else None),
        "previous_id": _json(table.column("previous_id") if table.type == "alias" else None),
        "event": _event(table),
        "needs_event": sql.Literal(table.type == "track"),
        "content": sql.Literal("properties" if table.type in _WITH_PROPERTIES else "traits"),
        "own": _object(_own_columns(table)),
        "context": _context(table),
        "is_out_of_range": _out_of_range(table),
        "is_too_deep": _too_deep(table),
        "holds_out_of_range": _holds_out_of_range(table),
        "longest": sql.Literal(WEBHOOK_LIMITS.event_bytes),
        "longest_id": sql.Literal(LONGEST_MESSAGE_ID),
        # what can be calculated with
        "earliest": sql.SQL("timestamptz '1970-01-01 00:00:00+00'"),
        "latest": sql.SQL("now() + interval '100 years'"),
        "fate": _FATE_OF_TRACKS.format(sql.Literal(wait)) if table.is_roll_up else _NEW,
    }
    return _CALLS.format(**parts)


_WITH_PROPERTIES = {"track", "page", "screen"}

_NEW = sql.SQL("'new'")
_FATE_OF_TRACKS = sql.SQL(
    """case
        when exists (
            select from raw_segment.events as e
            where e.message_key = md5(c.message_id)::uuid
        ) then 'told'
        when c.message_id is not null and c.loaded_at > now() - {} then 'waiting'
        else 'new'
    end"""
)

# `offset 0`: what is above it is not worked out again wherever it is named below.
# A row without a time of receipt was received when it was loaded. `timestamp` is Segment's own
# correction: made here only where that column is empty.
_CALLS = sql.SQL(
    """
with said as (
    select
        {message_id} as message_id,
        {loaded_at} as loaded_at,
        {has_received_at} as has_received_at,
        {said_at} as said_at,
        {stamped_at} as stamped_at,
        {original_at} as original_at,
        {sent_at} as sent_at,
        {stamped} as stamped,
        {original} as original,
        {sent} as sent,
        {received} as received,
        {user_id} as user_id,
        {anonymous_id} as anonymous_id,
        {group_id} as group_id,
        {previous_id} as previous_id,
        {event} as event,
        {own} as own,
        {context} as context,
        {is_out_of_range} as is_out_of_range
    from {name} as t
    where {since}
),
timed as (
    select
        *,
        said_at between timestamptz '2000-01-01 00:00:00+00' and now() + interval '1 day'
            as is_readable,
        md5(coalesce(message_id, row(
            has_received_at, said_at, stamped_at, original_at, sent_at, user_id, anonymous_id,
            group_id, previous_id, event, own, context
        )::text))::uuid as row_key
    from said
),
fresh as (
    select c.*, {fate} as fate
    from timed as c
    where {is_new}
    offset 0
),
received as (
    select
        *,
        case
            when is_readable then said_at
            when loaded_at between timestamptz '2000-01-01 00:00:00+00' and now() + interval '1 day'
                then loaded_at
            else now()
        end as received_at,
        coalesce(stamped, to_jsonb(
            case
                when
                    is_readable
                    and sent_at between {earliest} and {latest}
                    and original_at between {earliest} and {latest}
                    then said_at - (sent_at - original_at)
                else original_at
            end
        )) as corrected
    from fresh
),
called as (
    select
        message_id, row_key, loaded_at, received_at, event, is_out_of_range, fate,
        coalesce(is_readable, not has_received_at) as is_readable,
        -- of what is not landed none is made
        case when fate = 'new' then
            jsonb_strip_nulls(jsonb_build_object(
                'type', {type}::text, 'messageId', message_id, 'userId', user_id,
                'anonymousId', anonymous_id, 'groupId', group_id, 'previousId', previous_id,
                'event', event, 'timestamp', corrected, 'originalTimestamp', original,
                'sentAt', sent,
                -- what cannot be its time of receipt stays for whoever repairs it
                'receivedAt', case when is_readable then to_jsonb(received_at)
                    else coalesce(received, to_jsonb(received_at)) end
            ))
            || jsonb_build_object('context', context, {content}::text, own)
        end as payload
    from received
    offset 0
)
select
    message_id, row_key, loaded_at, received_at, payload,
    case
        when message_id is null then 'missing_message_id'
        when length(message_id) > {longest_id} then 'message_id_too_long'
        when not is_readable then 'unreadable_received_at'
        when {needs_event} and event is null then 'missing_event'
        when {is_too_deep} then 'too_deep'
        when is_out_of_range or {holds_out_of_range} then 'number_out_of_range'
        when octet_length(payload::text) > {longest} then 'too_large'
    end as reason,
    fate
from called
"""
)


# Columns


def _column(table: Table, name: str) -> sql.Composable:
    return _of_row(name) if table.column(name) else _NULL


def _of_row(name: str) -> sql.Composable:
    return sql.SQL("t.{}").format(sql.Identifier(name))


def _time(column: Column | None) -> sql.Composable:
    """A time; the session's zone, UTC, is that of a column without one. Null: it is unreadable."""
    if column is None:
        return sql.SQL("null::timestamptz")
    named = _of_row(column.name)
    if column.type in _TIMES and not column.is_array:
        return sql.SQL("{}::timestamptz").format(named)
    return sql.SQL("raw_segment.read_time({}::text)").format(named)


def _said_time(column: Column | None) -> sql.Composable:
    """The JSON of a time; of a text what it says, readable or not: the models judge it."""
    if column is None:
        return sql.SQL("null::jsonb")
    if column.type in _TIMES and not column.is_array:
        return sql.SQL("to_jsonb({})").format(_time(column))
    return sql.SQL("to_jsonb({})").format(_unless_blank(_value(column)))


def _unless_blank(text: sql.Composable) -> sql.Composable:
    return sql.SQL("case when btrim({0}::text, {1}) <> '' then {0} end").format(
        text, sql.Literal(BLANK)
    )


def _since(column: Column | None, since: datetime | None) -> sql.Composable:
    """Which rows to look at; of a time without a zone in its own type, so that an index helps."""
    if column is None or since is None:
        return sql.SQL("true")
    if column.type == "timestamp":
        value: sql.Composable = sql.SQL("{}::timestamptz::timestamp").format(
            sql.Literal(since.isoformat())
        )
        named = _of_row(column.name)
    else:
        value = sql.SQL("{}::timestamptz").format(sql.Literal(since.isoformat()))
        named = _of_row(column.name) if column.type == "timestamptz" else _time(column)
    return sql.SQL("({0} >= {1} or {0} is null)").format(named, value)


def _value(column: Column) -> sql.Composable:
    """A value that becomes JSON without an error, whatever it is."""
    named = _of_row(column.name)
    if column.type in _AS_THEY_ARE:
        return named
    if column.type == "timestamp" and not column.is_array:
        return sql.SQL("{}::timestamptz").format(named)
    if column.type == "json" and not column.is_array:
        # json may hold what jsonb cannot, such as \u0000
        return sql.SQL(
            "coalesce(raw_segment.as_jsonb({0}), to_jsonb(left({0}::text, {1})))"
        ).format(named, sql.Literal(LONGEST_TEXT))
    if column.type in _TEXTS and column.is_array:
        return named
    return sql.SQL("left({}::text, {})").format(named, sql.Literal(LONGEST_TEXT))


def _json(column: Column | None) -> sql.Composable:
    return sql.SQL("to_jsonb({})").format(_value(column)) if column else sql.SQL("null::jsonb")


def _event(table: Table) -> sql.Composable:
    if table.type != "track":
        return sql.SQL("null::text")
    names = [name for name in ("event_text", "event") if table.column(name)]
    said = [_unless_blank(_value(Column(name, "text"))) for name in names]
    return sql.SQL("coalesce({})").format(sql.SQL(", ").join([*said, sql.SQL("null::text")]))


# Objects. Null is not said: Segment writes no value for a trait that a call does not have.


def _object(members: list[tuple[str, sql.Composable]]) -> sql.Composable:
    if not members:
        return sql.SQL("'{}'::jsonb")
    columns = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(value, sql.Identifier(name)) for name, value in members
    )
    # a row, not jsonb_build_object: a function takes a hundred arguments, a table has more columns
    return sql.SQL("(select jsonb_strip_nulls(to_jsonb(o)) from (select {}) as o)").format(columns)


def _own_columns(table: Table) -> list[tuple[str, sql.Composable]]:
    taken = _OF_THE_CALL | _OF_THE_KIND.get(table.type, set())
    return [
        (column.name, _value(column))
        for column in table.columns
        if column.name not in taken
        and not column.name.startswith(_CONTEXT)
        and not _KEY.search(column.name)
    ]


def _context(table: Table) -> sql.Composable:
    inside: dict[str, list[tuple[str, sql.Composable]]] = {}
    flat: list[tuple[str, sql.Composable]] = []
    said = {each.name.removeprefix(_CONTEXT): each for each in _context_columns(table)}
    for name, column in said.items():
        head, _, rest = name.partition("_")
        # both `page` and `page_url`: one key cannot be a text and an object
        if head in _CONTEXT_OBJECTS and rest and head not in said:
            inside.setdefault(head, []).append((rest, _value(column)))
        else:
            renamed = _CONTEXT_NAMES.get(name, name)
            flat.append((name if renamed in said else renamed, _value(column)))
    members = [(head, _nullable(_object(found))) for head, found in inside.items()]
    return _object(flat + members)


def _nullable(value: sql.Composable) -> sql.Composable:
    return sql.SQL("nullif({}, '{{}}'::jsonb)").format(value)


def _context_columns(table: Table) -> list[Column]:
    return [
        each
        for each in table.columns
        if each.name.startswith(_CONTEXT)
        and len(each.name) > len(_CONTEXT)
        and not _KEY.search(each.name)
    ]


# What the collector refuses, too


def _out_of_range(table: Table) -> sql.Composable:
    """For the columns of numbers; NaN and the infinities become texts."""
    checks = [
        sql.SQL(
            "coalesce({0}::text not in ('NaN', 'Infinity', '-Infinity')"
            " and (abs({0}) > 1e{1} or scale({0}::numeric) > {2}), false)"
        ).format(_of_row(column.name), sql.Literal(MAX_EXPONENT), sql.Literal(MAX_DIGITS))
        for column in table.columns
        if column.type in ("numeric", "float8") and not column.is_array
    ]
    return sql.SQL(" or ").join(checks) if checks else sql.SQL("false")


def _has_documents(table: Table) -> bool:
    return any(column.type in _DOCUMENTS for column in table.columns)


def _within(path: str) -> sql.Composable:
    return sql.SQL("jsonb_path_exists(payload, {}::jsonpath)").format(sql.Literal(path))


def _too_deep(table: Table) -> sql.Composable:
    if not _has_documents(table):
        return sql.SQL("false")
    return _within(f'strict $.**{{{MAX_DEPTH}}} ? (@.type() == "object" || @.type() == "array")')


def _holds_out_of_range(table: Table) -> sql.Composable:
    if not _has_documents(table):
        return sql.SQL("false")
    limit = f"1e{MAX_EXPONENT}"
    return _within(f'strict $.** ? (@.type() == "number" && (@ > {limit} || @ < -{limit}))')
