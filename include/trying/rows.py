"""Rows of each table that differ, with a few by their key."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from include.trying.environment import Environment
from include.trying.making import Made

EXAMPLES = 3
# The views whose rows are compared: what is read outside. Which calls moved is told by `moved`.
SCHEMAS = ("marts", "planhat", "to_planhat")
TOLD_ELSEWHERE = ("marts.event_resolution",)


@dataclass(frozen=True)
class RowExample:
    """One row by its key; of a changed one only the columns that differ."""

    key: dict[str, Any]
    # of one that comes or goes the other is None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True)
class TableDiffers:
    """How many rows of a table would be added, changed and gone; and its columns."""

    relation: str
    # how it was made: compare, changes, create; table, view
    mode: str
    added: int
    changed: int
    gone: int
    # by column, of how many changed rows it differs
    columns: dict[str, int]
    # "seats is new", "owner is gone", "mrr is text and was numeric"
    other_columns: tuple[str, ...]
    examples: tuple[RowExample, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.gone or self.other_columns)

    @property
    def is_outside(self) -> bool:
        """Whether somebody reads it who is no model."""
        return self.relation.split(".")[0] in SCHEMAS


def compare_rows(
    connection: psycopg.Connection, made: Environment, tables: Iterable[Made]
) -> list[TableDiffers]:
    """Of each table that differs, and of the views that are read outside: what differs."""
    found = []
    # from the outside in
    order = [*reversed(SCHEMAS), "intermediate", "staging"]
    for each in sorted(tables, key=lambda table: (order.index(table.schema), table.table)):
        if not each.differs or each.relation in TOLD_ELSEWHERE:
            continue
        is_view = each.materialized == "view"
        if is_view and each.schema not in SCHEMAS:
            continue
        if each.tells_changes:
            continue  # what comes of it is told of its readers
        with connection.transaction(force_rollback=True):
            if compared := _compare(connection, made, each):
                found.append(compared)
    return found


def _compare(connection: psycopg.Connection, made: Environment, table: Made) -> TableDiffers:
    other, shared = _columns(connection, made, table)
    here, there = (
        sql.Identifier(made.prefix + table.schema, table.table),
        sql.Identifier(table.schema, table.table),
    )
    journal = sql.Identifier(made.prefix + table.schema, f"{table.table}__journal")
    key = [column for column in table.key if column in shared]
    if not shared:
        added = _count(connection, here)
        return TableDiffers(table.relation, table.mode, added, 0, 0, {}, tuple(other), ())
    names = sql.SQL(", ").join(map(sql.Identifier, shared))
    if table.came is not None and table.materialized != "view":
        told = sql.SQL("select journal_sign as moved_sign, {} from {}").format(names, journal)
    else:
        told = sql.SQL(
            "select * from (select 1 as moved_sign, {names} from {here} union all"
            " select -1, {names} from {there}) as told"
        ).format(names=names, here=here, there=there)
    connection.execute(
        sql.SQL(
            """
            create temporary table moved_row on commit drop as
            with told as ({told}),

            same as (
                select row({names})::text as moved_row, sum(moved_sign) as moved_times from told
                group by row({names})::text
                having sum(moved_sign) <> 0
            )

            select
                sign(moved_times)::int as sign, {key} as key,
                (array_agg(to_jsonb(told) - 'moved_sign'))[1] as said, abs(moved_times) as times
            from told
            inner join same
                on row({names})::text = moved_row and sign(moved_times) = moved_sign
            group by moved_row, moved_times, {key}
            """
        ).format(told=told, names=names, key=_key(key))
    )
    added, changed, gone = connection.execute(_COUNTS).fetchone()  # type: ignore[misc]
    columns: dict[str, int] = dict(connection.execute(_CHANGED_COLUMNS).fetchall())
    return TableDiffers(
        table.relation, table.mode, int(added), int(changed), int(gone), columns, tuple(other),
        tuple(_examples(connection)),
    )  # fmt: skip


def _key(key: list[str]) -> sql.Composable:
    """The key as JSON; null where there is none."""
    if not key:
        return sql.SQL("null::jsonb")
    parts = [
        sql.SQL("{}, told.{}").format(sql.Literal(column), sql.Identifier(column)) for column in key
    ]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(parts))


# One that comes and one that goes with the same key are a change.
_PAIRED = """
    with paired as (
        select came.key, went.said as before, came.said as after
        from (select * from moved_row where sign = 1 and key is not null) as came
        inner join (select * from moved_row where sign = -1) as went using (key)
    )
"""
_COUNTS = f"""
    {_PAIRED}

    select
        coalesce(sum(times) filter (where sign = 1), 0) - (select count(*) from paired),
        (select count(*) from paired),
        coalesce(sum(times) filter (where sign = -1), 0) - (select count(*) from paired)
    from moved_row
"""  # noqa: S608
_CHANGED_COLUMNS = f"""
    {_PAIRED}

    select column_name, count(*)
    from paired
    cross join lateral jsonb_object_keys(before || after) as column_name
    where before -> column_name is distinct from after -> column_name
    group by column_name
    order by count(*) desc, column_name
"""  # noqa: S608


def _examples(connection: psycopg.Connection) -> list[RowExample]:
    rows = connection.execute(
        f"""
        {_PAIRED},

        shown as (
            (select 1 as place, key, before, after from paired order by key limit %(most)s)
            union all
            (
                select 2, key, null, said from moved_row
                where sign = 1 and not exists (select from paired where paired.key = moved_row.key)
                order by key, said
                limit %(most)s
            )
            union all
            (
                select 3, key, said, null from moved_row
                where sign = -1 and not exists (select from paired where paired.key = moved_row.key)
                order by key, said
                limit %(most)s
            )
        )

        select key, before, after from shown order by place, key limit %(most)s
        """,  # noqa: S608
        {"most": EXAMPLES},
    ).fetchall()
    found = []
    for key, went, came in rows:
        names = [name for name in came or {} if not went or went.get(name) != came[name]]
        is_change = went is not None and came is not None
        before = {name: went.get(name) for name in names} if is_change else went
        after = {name: came[name] for name in names} if is_change else came
        found.append(RowExample(key or {}, before, after))
    return found


def _columns(
    connection: psycopg.Connection, made: Environment, table: Made
) -> tuple[list[str], list[str]]:
    """What differs of its columns, in words; and those that both have, of one type."""
    rows = connection.execute(
        """
        with here as (
            select attname::text as name, format_type(atttypid, atttypmod) as type, attnum
            from pg_attribute
            where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
        ),

        there as (
            select attname::text as name, format_type(atttypid, atttypmod) as type, attnum
            from pg_attribute
            where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
        )

        select name, here.type, there.type
        from here full join there using (name)
        -- which build added a row is no part of what it says
        where name <> 'build_id'
        order by coalesce(here.attnum, there.attnum), name
        """,
        [f"{made.prefix}{table.schema}.{table.table}", table.relation],
    ).fetchall()
    if all(there is None for _, _, there in rows):
        return ["it is new"], []
    other = [
        f"{name} is new"
        if there is None
        else f"{name} is gone"
        if here is None
        else f"{name} is {here} and was {there}"
        for name, here, there in rows
        if here != there
    ]
    return other, [name for name, here, there in rows if here == there]


def _count(connection: psycopg.Connection, relation: sql.Composable) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(relation)).fetchone()
    return row[0]  # type: ignore[index]
