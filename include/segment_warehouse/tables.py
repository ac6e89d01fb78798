"""Which tables of a schema hold calls, and what their columns are."""

from dataclasses import dataclass

import psycopg

from include.errors import SettingError

# Tables of one kind of call. `users` and `accounts` are roll-ups of two of them: never read.
KINDS = {
    "identifies": "identify",
    "groups": "group",
    "pages": "page",
    "screens": "screen",
    "aliases": "alias",
}
TRACKS = "tracks"
ROLL_UPS = ("users", "accounts")
# What makes any other table the table of an event; and what every table of calls has, so that one
# without `event_text` is nobody else's.
EVENT_COLUMNS = {"id", "event", "event_text"}
CALL_COLUMNS = ({"id", "event"}, {"id", "received_at", "uuid_ts"})

# Segment's load time, best first; loaded_at and received_at for want of it.
LOAD_TIMES = ("uuid_ts", "loaded_at", "received_at")


@dataclass(frozen=True)
class Column:
    """A column and its type's name in `pg_type`; of an array, the element's with `is_array`."""

    name: str
    type: str
    is_array: bool = False


@dataclass(frozen=True)
class Table:
    """A table of calls, all of one `type`."""

    schema: str
    name: str
    type: str
    columns: tuple[Column, ...]

    @property
    def is_roll_up(self) -> bool:
        """Whether it is `tracks`, whose calls are in the tables of their events as well."""
        return self.name == TRACKS

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((each for each in self.columns if each.name == name), None)

    @property
    def load_time(self) -> Column | None:
        """The column that tells when Segment loaded a row."""
        found = (self.column(name) for name in LOAD_TIMES)
        return next((column for column in found if column), None)


@dataclass(frozen=True)
class Found:
    """The tables of calls in a schema: those of events before `tracks`, which says less.

    `without_event_text`: names of those that would be tables of events, but name none.
    """

    tables: list[Table]
    without_event_text: list[str]


def find_tables(connection: psycopg.Connection, schema: str) -> Found:
    """The tables of calls in a schema.

    Views are not read: one over the table of an event would tell the same calls with fewer columns.
    Raises `SettingError` when there is no such schema, or nothing of Segment's in it.
    """
    if not connection.execute("select 1 from pg_namespace where nspname = %s", [schema]).fetchone():
        raise SettingError(
            f"There is no schema {schema!r} in the warehouse: SEGMENT_WAREHOUSE_SCHEMA names the "
            "one that Segment loads."
        )
    found: dict[str, list[Column]] = {}
    for table, *column in connection.execute(_COLUMNS, [schema]):
        found.setdefault(table, []).append(Column(*column))
    tables = [
        Table(schema, name, kind, tuple(columns))
        for name, columns in found.items()
        if (kind := _kind(name, columns))
    ]
    if not tables:
        raise SettingError(
            f"The schema {schema!r} has none of Segment's tables (identifies, groups, tracks, a "
            "table per event …)."
        )
    tables.sort(key=lambda table: (table.is_roll_up, table.name))
    return Found(
        tables, [name for name, columns in found.items() if _lacks_event_text(name, columns)]
    )


def _lacks_event_text(name: str, columns: list[Column]) -> bool:
    names = {column.name for column in columns}
    is_of_calls = any(names >= each for each in CALL_COLUMNS)
    return name not in (*ROLL_UPS, *KINDS, TRACKS) and is_of_calls and "event_text" not in names


def _kind(name: str, columns: list[Column]) -> str | None:
    names = {column.name for column in columns}
    if name in ROLL_UPS or "id" not in names:
        return None
    if name in KINDS:
        return KINDS[name]
    return "track" if name == TRACKS or names >= EVENT_COLUMNS else None


# A domain counts as the type below it.
_COLUMNS = """
select
    c.relname, a.attname,
    coalesce(element.typname, base.typname, t.typname), element.typname is not null
from
    pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    left join pg_type as base on base.oid = t.typbasetype
    left join pg_type as element
        on
            element.oid = coalesce(base.typelem, t.typelem)
            and coalesce(base.typcategory, t.typcategory) = 'A'
where
    c.relnamespace = (select oid from pg_namespace where nspname = %s)
    and c.relkind in ('r', 'p', 'f')
    and not c.relispartition
order by c.relname, a.attnum
"""
