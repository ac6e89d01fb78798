"""Every row that names them in the tables that no build makes: found by looking, not by a list.

A table of tomorrow is looked into as well: what names somebody there is taken out of its row, until
it is said here that such a row is theirs and goes whole.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.privacy.forgetting.calls import MOST_WITHIN_TEXTS
from include.privacy.forgetting.words import INSTEAD, Words

SCHEMAS = ("raw_segment", "raw_planhat", "sync")
# Looked into by calls.py; and what says nothing of anybody, however large it grows.
ELSEWHERE = {
    "raw_segment.events", "raw_segment.loads", "raw_segment.warehouse_rows",
    "raw_segment.source_keys", "sync.privacy_key",
}  # fmt: skip
# The ids of who is being forgotten stand here until they are.
NOT_THESE = {
    ("sync.forgettings", "identifiers"), ("sync.forgettings", "hashes"),
    ("sync.forget_requests", "asked"), ("sync.forget_requests", "meant"),
    # until the other side has answered for it
    ("sync.removals", "subject"),
}  # fmt: skip

# Tables whose rows are of one person, call or message: what names somebody goes.
ROWS_OF_SOMEBODY = {
    "raw_segment.quarantine", "raw_planhat.rejects", "raw_planhat.former_keys",
    "raw_planhat.former_companies", "raw_planhat.unlisted", "raw_planhat.changed",
    "raw_planhat.api_pages", "sync.planned", "sync.left_out", "sync.run_errors",
    "sync.alerts_sent", "sync.alerts_acknowledged", "sync.outcome_answers", "sync.excluded",
    "sync.blocked_identities",
}  # fmt: skip
# Of these a row goes where one of these columns is theirs; else it loses what names them.
ROWS_BY_COLUMN = {
    "raw_planhat.objects": ("planhat_id",),
    "sync.objects": ("object_id", "user_id", "anonymous_id"),
}

# A plan that is being sent is sent by its positions, which have no gaps. At work is a run whose
# lease lasts or whose lock ("push" in ASCII, include/push/runs.py) somebody holds.
_PLANNED = "sync.planned"
_AT_WORK = sql.SQL(
    "each.run_id in (select run_id from sync.runs"
    " where status = 'running' and (lease_until > clock_timestamp() or exists ("
    "select from pg_locks where locktype = 'advisory' and classid = 1886745448"
    " and objid = runs.run_id)))"
)

# What stands between words: an address, or an id with dots, dashes and colons, is one.
_BETWEEN = r"[^[:alnum:]@._:+-]+"

_TEXTS = ("text", "character varying", "jsonb", "json", "ARRAY", "bytea", "USER-DEFINED")


def tables_with_texts(connection: psycopg.Connection) -> dict[str, list[tuple[str, str]]]:
    """Every table that may name somebody, with the columns that can: (name, type)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in connection.execute(
        """
        select table_schema, table_name, column_name, data_type
        from information_schema.columns
        inner join information_schema.tables using (table_schema, table_name)
        where
            table_schema = any (%s) and table_type = 'BASE TABLE' and data_type = any (%s)
            and is_generated = 'NEVER'
        order by table_schema, table_name, ordinal_position
        """,
        [list(SCHEMAS), list(_TEXTS)],
    ):
        name = f"{schema}.{table}"
        if name not in ELSEWHERE and (name, column) not in NOT_THESE:
            found.setdefault(name, []).append((column, kind))
    return found


def read_rows(connection: psycopg.Connection, words: Words) -> dict[str, list[dict[str, Any]]]:
    """The rows themselves, whole, by table: of what is binary the text."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table, place, _ in list(_found(connection, words)):
        (row,) = connection.execute(
            sql.SQL("select to_jsonb(each) from {} as each where ctid = %s").format(
                sql.Identifier(*table.split("."))
            ),
            [place],
        ).fetchone()  # type: ignore[misc]
        found.setdefault(table, []).append(row)
    return found


def pushes_under_way(connection: psycopg.Connection, words: Words) -> list[int]:
    """The pushes at work whose plan names them: its rows stay until those end."""
    if not words.identifiers:
        return []
    _want(connection, words)
    columns = tables_with_texts(connection)[_PLANNED]
    names = [column for column, _ in columns]
    rows = connection.execute(
        sql.SQL("select run_id, {} from sync.planned as each where ({}) and {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), _condition(words, []), _AT_WORK
        ),
        {"patterns": words.row_patterns, "between": _BETWEEN},
    ).fetchall()
    return sorted({
        run
        for run, *cells in rows
        if _becomes(_PLANNED, dict(zip(names, cells, strict=True)), words) is None
    })  # fmt: skip


def count_rows(connection: psycopg.Connection, words: Words) -> dict[str, int]:
    """How many rows of each such table name them."""
    counts: Counter[str] = Counter()
    for table, _, _ in _found(connection, words):
        counts[table] += 1
    return dict(counts)


def remove_rows(connection: psycopg.Connection, words: Words) -> dict[str, int]:
    """Take away what is theirs, and out of what is not: how many rows, by table and how."""
    done: Counter[str] = Counter()
    for table, place, values in list(_found(connection, words)):
        name = sql.Identifier(*table.split("."))
        if values is None:
            connection.execute(sql.SQL("delete from {} where ctid = %s").format(name), [place])
            done[table] += 1
            continue
        sets = sql.SQL(", ").join(
            sql.SQL("{} = %s").format(sql.Identifier(column)) for column in values
        )
        connection.execute(
            sql.SQL("update {} set {} where ctid = %s").format(name, sets),
            [*values.values(), place],
        )
        done[f"{table} (taken out)"] += 1
    return dict(done)


def _found(
    connection: psycopg.Connection, words: Words
) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Rows that name them: table, place, and what they become; None: they go."""
    if not words.identifiers:
        return
    _want(connection, words)
    for table, columns in tables_with_texts(connection).items():
        names = [column for column, _ in columns]
        rows = connection.execute(
            sql.SQL("select ctid::text, {} from {} as each where ({}) and {}").format(
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.Identifier(*table.split(".")),
                _condition(words, [name for name, kind in columns if kind == "bytea"]),
                sql.SQL("not {}").format(_AT_WORK) if table == _PLANNED else sql.SQL("true"),
            ),
            {"patterns": words.row_patterns, "between": _BETWEEN},
        ).fetchall()
        for place, *cells in rows:
            row = dict(zip(names, cells, strict=True))
            becomes = _becomes(table, row, words)
            if becomes != row:
                yield table, place, becomes and {
                    column: Jsonb(value) if isinstance(value, dict | list) and kind != "ARRAY"
                    else value
                    for (column, kind), value in zip(columns, becomes.values(), strict=True)
                    if value != row[column]
                }  # fmt: skip


def _want(connection: psycopg.Connection, words: Words) -> None:
    if len(words.identifiers) > MOST_WITHIN_TEXTS:
        connection.execute("drop table if exists pg_temp.wanted_words")
        connection.execute("create temporary table wanted_words (word text primary key)")
        with connection.cursor().copy("copy wanted_words (word) from stdin") as copy:
            for word in {each.lower() for each in words.identifiers}:
                copy.write_row([word])
        connection.execute("analyze wanted_words")


def _condition(words: Words, binary: list[str]) -> sql.Composable:
    """Which rows to look at closely: few ids within the row's text, many word by word."""
    # what is binary is text in these tables, and JSON would write it as digits
    texts = [
        sql.SQL("lower(to_jsonb(each)::text)"),
        *(
            sql.SQL("lower(encode({}, 'escape'))").format(sql.Identifier(column))
            for column in binary
        ),
    ]
    if len(words.identifiers) <= MOST_WITHIN_TEXTS:
        return sql.SQL(" or ").join(
            sql.SQL("{} like any (%(patterns)s)").format(text) for text in texts
        )
    return sql.SQL(" or ").join(
        sql.SQL(
            "exists (select from regexp_split_to_table({}, %(between)s) as word"
            " where word in (select wanted_words.word from wanted_words))"
        ).format(text)
        for text in texts
    )


def _becomes(table: str, row: dict[str, Any], words: Words) -> dict[str, Any] | None:
    """What is left of a row: the row as it is, where none of them is meant; None: nothing."""
    said = {column: _plain(value) for column, value in row.items()}
    if not any(words.are_in(value, column) for column, value in said.items()):
        return row
    if table in ROWS_OF_SOMEBODY:
        return None
    for column in ROWS_BY_COLUMN.get(table, ()):
        value = said[column]
        if isinstance(value, str) and (words.has(value) or words.are_said_by(value, column)):
            return None
    return {
        column: INSTEAD
        if isinstance(value, str) and words.taken_out_of({column: value}) == {}
        else words.taken_out_of(value, column)
        if words.are_in(_plain(value), column)
        else value
        for column, value in row.items()
    }


def _plain(value: Any) -> Any:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes) else value
