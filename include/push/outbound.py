"""An outbound table as SQL: its name, its rows' hash, its rows as the JSON that is sent."""

import hashlib

from psycopg import sql

from include.push.catalogue import Column, PushedModel

# Raise it when the JSON of an unchanged row changes: every row is then compared in full once.
FORMAT = 1


def table(model: PushedModel) -> sql.Composable:
    """The model's table, quoted."""
    return sql.Identifier(model.schema, model.name)


def row_hash(model: PushedModel) -> sql.Composable:
    """64 bits over a row of `source`: equal for equal rows of the same columns.

    A difference is looked into, so it need not survive a new Postgres; equality is trusted.
    """
    described = repr((FORMAT, [(each.name, each.kind) for each in model.columns]))
    digest = hashlib.sha256(described.encode()).digest()
    seed = int.from_bytes(digest[:8], "big", signed=True)
    values = sql.SQL(", ").join([_hashed(each) for each in model.columns])
    return sql.SQL("hash_record_extended(row({}), {})").format(values, seed)


def payload(model: PushedModel) -> sql.Composable:
    """The traits or properties of a row of `source`, jsonb: every column, nulls included."""
    columns = sql.SQL(", ").join(
        [
            sql.SQL("{} as {}").format(_sent(each), sql.Identifier(each.name))
            for each in model.columns
        ]
    )
    return sql.SQL("(select to_jsonb(sent) from (select {}) as sent)").format(columns)


def key(model: PushedModel, name: str) -> sql.Composable:
    """A key column of `source`, null where it is blank or the model does not have it."""
    if name not in model.column_names:
        return sql.SQL("null::text")
    return sql.SQL("nullif(btrim({}), '')").format(sql.Identifier("source", name))


def _hashed(column: Column) -> sql.Composable:
    name = sql.Identifier("source", column.name)
    # Postgres's own hash of jsonb can miss two changes at once (it rotates and xors).
    return sql.SQL("{}::text").format(name) if column.kind in ("json", "array") else name


def _sent(column: Column) -> sql.Composable:
    name = sql.Identifier("source", column.name)
    if column.kind == "timestamp":
        # As Python's isoformat writes it, always in UTC; infinity is no moment.
        return sql.SQL(
            "case when isfinite({0}) then"
            " to_char({0}::timestamptz at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
            " || case when extract(microsecond from {0}) % 1000000 = 0 then ''"
            " else to_char({0}, '.US') end || '+00:00' end"
        ).format(name)
    if column.kind == "date":
        return sql.SQL("case when isfinite({0}) then {0} end").format(name)
    return name
