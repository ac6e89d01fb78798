"""What the columns of a model's CSV files have been: `raw_planhat.columns`.

A column that its model does not type (a custom field, mostly) gets its type from what was read of
it before, else from the first file that shows one, and keeps it, with who decided it. A cell that
does not fit later is that cell's problem. A person may decide otherwise (`make columns`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import psycopg
from psycopg.rows import class_row

from include.errors import ProblemError
from include.nearest import refuse_unknown
from include.planhat.headers import Column
from include.planhat.models import BY_NAME, Kind, Model

# Types by the names that a person uses.
TYPES = {
    "text": Kind.TEXT,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.TIME,
    "list": Kind.LIST,
}
_ALL_TYPES = {**TYPES, "day": Kind.DAY, "object": Kind.OBJECT, "currency": Kind.CURRENCY}
_NAMES = {kind: name for name, kind in _ALL_TYPES.items()}

THE_MODEL = "the model"
READ_BEFORE = "what was read before"


@dataclass(frozen=True)
class Known:
    """What is known of one column."""

    kind: Kind
    decided_by: str
    # YYYY-MM-DD; empty: in this read
    since: str = ""
    # whether a cell of it ever held several lines
    has_lines: bool = False
    # the mark before its decimals in the last file that had any
    decimal_mark: str | None = None


class Columns:
    """The columns of one model, before a read and as it leaves them.

    The writer loads and stores; the reader of a file asks, and says what the file shows.
    """

    def __init__(self, model: Model, fields: Collection[str] = ()) -> None:
        """`fields` are those that the files to be read have."""
        self.model = model
        self.fields = frozenset(fields)
        # fields that this read leaves as they are in the warehouse
        self.left_out: set[str] = set()
        self._before: dict[str, Known] = {}
        self._now: dict[str, Known] = {}
        self._with_lines: set[str] = set()

    def load(self, connection: psycopg.Connection) -> None:
        """Read what the columns have been. Within the read's transaction, under its lock."""
        rows = connection.execute(
            "select field, type, decided_by, to_char(since, 'YYYY-MM-DD'), has_lines, decimal_mark"
            " from raw_planhat.columns where model = %s",
            [self.model.name],
        )
        self._before = {field: Known(_ALL_TYPES[kind], *rest) for field, kind, *rest in rows}
        new = self.fields - set(self._before)
        seen = _seen_before(connection, self.model, sorted(new)) if new else {}
        self._now = {**self._before, **seen}

    def known(self, column: Column) -> Known | None:
        """What a column has been, if anything was ever read of it."""
        known = self._now.get(column.field)
        if known is None or column.kind is None:
            return known
        # The model's word stands.
        return replace(known, kind=column.kind, decided_by=THE_MODEL)

    def decide(self, column: Column, kind: Kind, decided_by: str) -> None:
        """The type that a file shows, of a column that had none."""
        self._now.setdefault(column.field, Known(kind, decided_by))

    def used_mark(self, column: Column, mark: str) -> None:
        """The mark that begins the decimals of a column in this file."""
        known = self._now.get(column.field)
        if known is not None:
            self._now[column.field] = replace(known, decimal_mark=mark)

    def had_lines(self, column: Column) -> None:
        """A cell of the column holds several lines."""
        self._with_lines.add(column.field)

    def store(self, connection: psycopg.Connection, read_id: int, *, is_in_doubt: bool) -> None:
        """Write what is new. In doubt, several lines in a cell are no custom yet."""
        for field in () if is_in_doubt else self._with_lines & set(self._now):
            self._now[field] = replace(self._now[field], has_lines=True)
        changed = [
            (self.model.name, field, _NAMES[now.kind], now.decided_by, read_id, now.has_lines,
             now.decimal_mark)
            for field, now in self._now.items()
            if now != self._before.get(field)
        ]  # fmt: skip
        connection.cursor().executemany(
            """
            insert into raw_planhat.columns
                (model, field, type, decided_by, read_id, has_lines, decimal_mark)
            values (%s, %s, %s, %s, %s, %s, %s)
            on conflict (model, md5(field)) do update set
                has_lines = excluded.has_lines, decimal_mark = excluded.decimal_mark
            """,
            changed,
        )


@dataclass(frozen=True)
class ColumnType:
    """One row of `raw_planhat.columns`, for people."""

    model: str
    field: str
    type: str
    decided_by: str
    since: str

    def __str__(self) -> str:
        return f"{self.model} {self.field}: {self.type}, {self.decided_by}, {self.since}"


def column_types(connection: psycopg.Connection, model: str = "") -> list[ColumnType]:
    """Every column that a file had so far, of one model or of all."""
    with connection.cursor(row_factory=class_row(ColumnType)) as cursor:
        return cursor.execute(
            "select model, field, type, decided_by, to_char(since, 'YYYY-MM-DD') as since"
            " from raw_planhat.columns where model = %(model)s or %(model)s = ''"
            " order by model, field",
            {"model": model},
        ).fetchall()


def set_type(
    connection: psycopg.Connection, model: str, field: str, type_name: str, *, decided_by: str
) -> str:
    """A person decides a column's type; returns what follows.

    `field` may leave `custom.` out. Raises `ProblemError`, naming what there is, for an unknown
    model, column or type, and for a field that its model types.
    """
    refuse_unknown([model], BY_NAME, "model")
    refuse_unknown([type_name], TYPES, "type")
    if field in BY_NAME[model].fields:
        raise ProblemError(f"{field} has its type from Planhat's {model}: it cannot be changed.")
    rows = column_types(connection, model)
    by_field = {each.field: each for each in rows if each.decided_by != THE_MODEL}
    name = field if field in by_field else f"custom.{field}"
    if name not in by_field:
        keys = [each.removeprefix("custom.") for each in by_field]
        refuse_unknown([field], keys, f"column of {model} in a file that was read")
    was = by_field[name]
    connection.execute(
        """
        update raw_planhat.columns
        set type = %s, decided_by = %s, read_id = null, since = now()
        where model = %s and field = %s
        """,
        [type_name, decided_by, model, was.field],
    )
    return (
        f"{model} {was.field} is {type_name} now; it was {was.type} ({was.decided_by}, "
        f"{was.since}). The next read of a file writes it so. Segment's warehouse keeps the type "
        "of a column's first value: until its row in sync.column_types is deleted "
        f"(model {model}, path {was.field}), objects with another one are refused as type_changed."
    )


def _seen_before(
    connection: psycopg.Connection, model: Model, fields: list[str]
) -> dict[str, Known]:
    """What the objects that were read before hold in these fields: their most frequent type."""
    rows = connection.execute(
        """
        with held as (
            select each.key as field, each.value
            from raw_planhat.objects
            cross join lateral jsonb_each(payload - 'custom') as each
            where model = %(model)s and deleted_at is null
            union all
            select 'custom.' || each.key, each.value
            from raw_planhat.objects
            cross join lateral jsonb_each(
                case jsonb_typeof(payload -> 'custom') when 'object' then payload -> 'custom'
                    else '{}' end
            ) as each
            where model = %(model)s and deleted_at is null
        ),

        typed as (
            select
                field,
                case jsonb_typeof(value)
                    when 'array' then 'list'
                    when 'string' then case
                        when value #>> '{}' ~ '^\\d{4}-\\d\\d-\\d\\d([T ]\\d\\d:\\d\\d.*)?$'
                            then 'date'
                        else 'text'
                    end
                    else jsonb_typeof(value)
                end as type,
                jsonb_typeof(value) = 'string' and value #>> '{}' ~ '[\\n\\r]' as has_lines
            from held
            where field = any(%(fields)s) and value not in ('null', '""')
        )

        select distinct on (field) field, type, bool_or(has_lines) over (partition by field)
        from (
            select field, type, count(*) as cells, bool_or(has_lines) as has_lines
            from typed group by field, type
        ) as counted
        -- of as many, the one that takes anything
        order by field, cells desc, type = 'text' desc, type
        """,
        {"model": model.name, "fields": fields},
    )
    return {
        field: Known(_ALL_TYPES[kind], THE_MODEL if field in model.fields else READ_BEFORE,
                     has_lines=has_lines)
        for field, kind, has_lines in rows
    }  # fmt: skip
