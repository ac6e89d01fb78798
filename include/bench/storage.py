"""What keeping calls for years costs: shapes of `raw_segment.events` beside each other.

    python -m include.bench.storage --rows 1000000
    python -m include.bench.storage --rows 50000000 --apart

Each batch goes into every shape in turn, so that what else happens on the machine hits all of
them. The calls are made beforehand and outside the time; what is timed is the insertion alone, with
deduplication and commit, on one connection. Write-ahead log and sizes hardly depend on the machine.

`--apart` measures one shape after the other (or only those that are named), for sizes of which the
disk holds one alone: each is filled in bulk and indexed then, and has beside it an empty table that
gets the same batches.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from include.bench.rows import Row, print_rows
from include.bench.server import own_server
from include.errors import ProblemError
from include.settings import load_settings
from include.warehouse import embedded
from include.warehouse.connection import connect
from include.warehouse.migrate import migrate

Say = Callable[[str], None]
_Statement = sql.SQL | sql.Composed

DATABASE = "storage_bench"
BATCH = 5_000
# How many rows there are in the end, and which part of them comes in the time that is reported.
ROWS = {"small": 1_000_000, "full": 10_000_000}
MEASURED = 0.2
MOST_MEASURED = 2_000_000
LOOKUPS = 200
# What a million calls take, write-ahead log included: in all shapes together, and in the largest.
GB_A_MILLION = 4.0
GB_A_MILLION_APART = 1.0
# Calls come in the order of time, over so many months, of which the oldest two are pruned.
MONTHS = 6
# Filled in bulk: so many connections, so many calls a statement.
FILLERS = 2
FILL = 500_000

_CALLS = sql.SQL("""
select
    n, id as message_id,
    now() - interval '1 month' * %(months)s * greatest(0, 1 - n / %(rows)s::float8) as received_at,
    jsonb_build_object(
        'type', 'track', 'messageId', id, 'userId', 'user-' || left(id, 5), 'anonymousId', id,
        'event', 'Report Viewed', 'timestamp', '2026-01-01T00:00:00.000Z',
        'properties', jsonb_build_object('company_id', 'company-' || left(id, 2), 'rows', 120),
        'context', jsonb_build_object(
            'library', jsonb_build_object('name', 'bench', 'version', '1'), 'ip', '127.0.0.1'
        )
    ) as payload
from (
    select n, md5('call ' || n)::uuid::text as id
    from (
        select case
            -- of those that are sent again, any that came before
            when n %% 100 < %(resent)s then 1 + (n * 7919) %% greatest(%(start)s::bigint - 1, 1)
            else n
        end as n
        from generate_series(%(start)s::bigint, %(start)s::bigint + %(batch)s - 1) as n
    ) as numbered
) as made
""")

_NEW_BATCH = sql.SQL("""
insert into incoming select message_id, received_at, payload::text from ({calls}) as calls
""").format(calls=_CALLS)

# Of one table with its key. Random keys leave the pages of an index two thirds full in the long
# run: one that is made of filled-in calls begins so.
_MAKE_ONE = sql.SQL("""
create table {table} (
    like raw_segment.events including defaults including identity including generated
)
""")
_INDEX_ONE = sql.SQL("""
create unique index on {table} ({key}) with (fillfactor = 70);
create index on {table} using brin (load_id)
""")
_ADD_ONE = sql.SQL("""
insert into {table} (message_id, source, type, received_at, payload, load_id)
select message_id, 'bench', 'track', received_at, payload::jsonb, %(load)s from incoming
on conflict do nothing
""")
_FILL_ONE = sql.SQL("""
insert into {table} (message_id, source, type, received_at, payload, load_id)
select message_id, 'bench', 'track', received_at, payload, n / {batch} from ({calls}) as calls
""")

_MAKE_MONTHLY = sql.SQL("""
create table keys (message_key uuid not null);
create table monthly (
    like raw_segment.events including defaults including identity including generated
) partition by range (received_at)
""")
_INDEX_MONTHLY = sql.SQL("""
alter table keys add primary key (message_key) with (fillfactor = 70);
create index on monthly (message_key) with (fillfactor = 70);
create index on monthly using brin (load_id)
""")
_ADD_MONTHLY = sql.SQL("""
with new as (
    insert into keys select md5(message_id)::uuid from incoming
    on conflict do nothing
    returning message_key
)
insert into monthly (message_id, source, type, received_at, payload, load_id)
select message_id, 'bench', 'track', received_at, payload::jsonb, %(load)s
from incoming join new on new.message_key = md5(incoming.message_id)::uuid
""")
_FILL_MONTHLY = sql.SQL("""
with filled as ({fill} returning message_key)
insert into keys select message_key from filled
""")

_FIND_ONE = sql.SQL("select payload from {table} where {key} = {asked}")
_PRUNE_ONE = (
    sql.SQL("""
    delete from {table}
    where received_at < date_trunc('month', now()) - interval '1 month' * {kept}
    """),
    sql.SQL("vacuum {table}"),
)


@dataclass(frozen=True)
class _Shape:
    """`fill` puts calls in where there is no index yet, `add` a batch with its deduplication."""

    name: str
    make: _Statement
    index: _Statement
    add: _Statement
    fill: _Statement
    find: _Statement
    prune: tuple[_Statement, ...]
    tables: tuple[str, ...]


def _one_table(name: str, table: str, key: str, asked: sql.SQL) -> _Shape:
    names = {
        "table": sql.Identifier(table), "key": sql.Identifier(key), "asked": asked,
        "calls": _CALLS, "batch": sql.Literal(BATCH), "kept": sql.Literal(MONTHS - 2),
    }  # fmt: skip
    return _Shape(
        name,
        make=_MAKE_ONE.format(**names),
        index=_INDEX_ONE.format(**names),
        add=_ADD_ONE.format(**names),
        fill=_FILL_ONE.format(**names),
        find=_FIND_ONE.format(**names),
        prune=tuple(each.format(**names) for each in _PRUNE_ONE),
        tables=(table,),
    )


def _keys_beside_months(name: str) -> _Shape:
    one_table = _one_table(name, "monthly", "message_key", _HASH)
    dropped = [sql.Identifier(f"month_{month}") for month in range(MONTHS + 1, MONTHS - 2, -1)]
    return replace(
        one_table,
        make=_MAKE_MONTHLY,
        index=_INDEX_MONTHLY,
        add=_ADD_MONTHLY,
        fill=_FILL_MONTHLY.format(fill=one_table.fill),
        prune=(sql.SQL("drop table ") + sql.SQL(", ").join(dropped),),
        tables=("keys", "monthly"),
    )


_HASH = sql.SQL("md5(%s)::uuid")
_TEXT = _one_table("one table, text key", "by_text", "message_id", sql.SQL("%s"))
SHAPES = {
    "present": _one_table("one table, 16-byte key", "present", "message_key", _HASH),
    "text": replace(
        _TEXT, make=_TEXT.make + sql.SQL("; alter table by_text drop column message_key")
    ),
    "monthly": _keys_beside_months("keys beside monthly tables"),
}
EMPTY = _one_table("an empty table, 16-byte key", "empty", "message_key", _HASH)


@dataclass(frozen=True)
class _Cost:
    """What batches took: calls that were offered, seconds, bytes of write-ahead log."""

    calls: int = 0
    seconds: float = 0.0
    log: int = 0

    def plus(self, calls: int, seconds: float, log: int) -> "_Cost":
        return _Cost(self.calls + calls, self.seconds + seconds, self.log + log)

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    def __str__(self) -> str:
        return f"{self.rate:,.0f} calls/s, {self.log / self.calls:,.0f} bytes of log a call"


@dataclass(frozen=True)
class _Figures:
    """Of one shape; `empty` is what the same new calls cost where nothing came before."""

    new: _Cost = field(default_factory=_Cost)
    resent: _Cost = field(default_factory=_Cost)
    empty: _Cost | None = None
    find_ms: float = 0.0
    table_mb: float = 0.0
    index_mb: float = 0.0
    prune_seconds: float = 0.0
    given_back_mb: float = 0.0


def run(
    url: str,
    *,
    size: str = "small",
    rows: int | None = None,
    apart: Sequence[str] = (),
    say: Say = print,
) -> list[Row]:
    """Measure the shapes on the server of `url`, in a database of its own that is dropped after.

    `size` small: 1 M rows, about two minutes; full: 10 M; `rows` is another number; `apart`: these
    of `SHAPES`, one after the other. Raises `ProblemError` when the disk is too small for it,
    `ServiceError` when Postgres does not answer.
    """
    total = max(rows or ROWS[size], 4 * BATCH)
    _refuse_without_disk(url, total, GB_A_MILLION_APART if apart else GB_A_MILLION)
    own = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    with connect(url, application_name="bench", autocommit=True) as admin:
        figures: dict[str, _Figures] = {}
        for names in [[name] for name in apart] or [list(SHAPES)]:
            admin.execute(f"drop database if exists {DATABASE} with (force)")
            admin.execute(f"create database {DATABASE}")
            try:
                migrate(own)
                figures |= _measure(own, names, total, bool(apart), say)
            finally:
                admin.execute(f"drop database if exists {DATABASE} with (force)")
    return _rows(figures, total)


def _measure(
    url: str, names: Sequence[str], rows: int, apart: bool, say: Say
) -> dict[str, _Figures]:
    """The figures of shapes that are measured together; `apart`: filled, beside an empty table."""
    shapes = [SHAPES[name] for name in names]
    new_calls = min(int(rows * MEASURED), MOST_MEASURED)
    resent_calls = max(min(rows // 10, MOST_MEASURED // 2), BATCH)
    before = rows - new_calls
    with connect(url, application_name="bench", autocommit=True) as connection:
        for shape in shapes:
            _make(connection, shape)
        if apart:
            _fill(url, shapes[0], before, rows, say)
        for shape in shapes:
            connection.execute(shape.index)
        connection.execute(
            "create temporary table incoming"
            " (message_id text, received_at timestamptz, payload text)"
        )
        if apart:
            connection.execute("vacuum analyze")
            _make(connection, EMPTY)
            connection.execute(EMPTY.index)
        else:
            _append(connection, shapes, 1, before, rows, resent=0)
        say(f"{before:,} rows are there")
        measured = [*shapes, EMPTY] if apart else shapes
        new = _append(connection, measured, before + 1, rows, rows, resent=0)
        resent = _append(connection, shapes, rows + 1, rows + resent_calls, rows, resent=10)
        return {
            name: _pruned(
                connection,
                shape,
                replace(
                    _sizes(connection, shape),
                    new=new[shape.name],
                    resent=resent[shape.name],
                    empty=new.get(EMPTY.name),
                    find_ms=_find_ms(connection, shape, rows),
                ),
            )
            for name, shape in zip(names, shapes, strict=True)
        }


def _make(connection: psycopg.Connection, shape: _Shape) -> None:
    connection.execute(shape.make)
    if "monthly" in shape.tables:
        _make_partitions(connection)


def _make_partitions(connection: psycopg.Connection) -> None:
    for month in range(MONTHS, -2, -1):
        connection.execute(
            sql.SQL(
                "do $$ begin execute format('create table {} partition of monthly"
                " for values from (%L) to (%L)',"
                " date_trunc('month', now()) - interval '{} month',"
                " date_trunc('month', now()) - interval '{} month'); end $$"
            ).format(
                sql.Identifier(f"month_{month + 1}"), sql.Literal(month), sql.Literal(month - 1)
            )
        )


def _fill(url: str, shape: _Shape, last: int, rows: int, say: Say) -> None:
    """Put calls 1 to `last` into a shape without indexes, over several connections."""

    def fill(start: int) -> None:
        batch = min(FILL, last + 1 - start)
        values = {"start": start, "batch": batch, "rows": rows, "months": MONTHS, "resent": 0}
        with connect(url, application_name="bench", autocommit=True) as connection:
            connection.execute(shape.fill, values)

    with ThreadPoolExecutor(FILLERS) as pool:
        chunks = range(1, last + 1, FILL)
        for number, _ in enumerate(pool.map(fill, chunks), 1):
            if number % 10 == 0:
                say(f"{shape.name}: {number * FILL:,} rows are filled in")


def _append(
    connection: psycopg.Connection,
    shapes: Sequence[_Shape],
    first: int,
    last: int,
    rows: int,
    *,
    resent: int,
) -> dict[str, _Cost]:
    """Put calls `first` to `last` into every shape; of a hundred, `resent` came before."""
    costs = {shape.name: _Cost() for shape in shapes}
    for number, start in enumerate(range(first, last + 1, BATCH)):
        batch = min(BATCH, last + 1 - start)
        connection.execute("truncate incoming")
        values = {"start": start, "batch": batch, "rows": rows, "months": MONTHS, "resent": resent}
        connection.execute(_NEW_BATCH, values)
        # Each shape is first as often as the others.
        turn = number % len(shapes)
        for shape in (*shapes[turn:], *shapes[:turn]):
            at, began = _log_position(connection), perf_counter()
            connection.execute(shape.add, {"load": start})
            seconds = perf_counter() - began
            log = _log_position(connection) - at
            costs[shape.name] = costs[shape.name].plus(batch, seconds, log)
    return costs


def _find_ms(connection: psycopg.Connection, shape: _Shape, rows: int) -> float:
    """Milliseconds to find a call by its message id, the mean of many."""
    step = max(rows // LOOKUPS, 1)
    found = connection.execute(
        "select md5('call ' || n)::uuid::text from generate_series(1, %s, %s) as n", [rows, step]
    ).fetchall()
    began = perf_counter()
    for (message_id,) in found:
        row = connection.execute(shape.find, [message_id]).fetchone()
        if row is None:
            raise RuntimeError(f"{shape.name}: a call is missing")
    return 1_000 * (perf_counter() - began) / len(found)


def _sizes(connection: psycopg.Connection, shape: _Shape) -> _Figures:
    table, index = connection.execute(
        "select sum(pg_table_size(oid)) / 1e6, sum(pg_indexes_size(oid)) / 1e6"
        " from pg_class where oid = any(%(tables)s::regclass[]) or oid in"
        " (select inhrelid from pg_inherits where inhparent = any(%(tables)s::regclass[]))",
        {"tables": list(shape.tables)},
    ).fetchone()  # type: ignore[misc]
    return _Figures(table_mb=float(table), index_mb=float(index))


def _pruned(connection: psycopg.Connection, shape: _Shape, figures: _Figures) -> _Figures:
    """Drop the oldest whole months where they are tables of their own, delete them where not."""
    began = perf_counter()
    for statement in shape.prune:
        connection.execute(statement)
    seconds = perf_counter() - began
    after = _sizes(connection, shape)
    given_back = figures.table_mb + figures.index_mb - after.table_mb - after.index_mb
    return replace(figures, prune_seconds=seconds, given_back_mb=max(given_back, 0))


def _rows(figures: dict[str, _Figures], rows: int) -> list[Row]:
    present = figures.get("present")
    return [
        row
        for name, each in figures.items()
        for row in _rows_of(SHAPES[name].name, each, None if each is present else present, rows)
    ]


def _rows_of(name: str, own: _Figures, present: _Figures | None, rows: int) -> list[Row]:
    """What a shape cost beside the present one, or, measured apart, beside the empty table."""
    beside_rate = present.new.rate if present else None
    beside_name = "16-byte key, as it is now"
    if own.empty:
        beside_rate, beside_name = own.empty.rate, EMPTY.name
    return [
        Row(
            f"{name}: appending, at {rows / 1e6:g} M rows", str(own.new),
            f"{beside_rate:,.0f} ({beside_name})" if beside_rate else "",
            round(own.new.rate / beside_rate, 2) if beside_rate else None,
        ),
        Row(
            f"{name}: 10% sent again", str(own.resent),
            f"{present.resent.rate:,.0f} (16-byte key, as it is now)" if present else "",
            round(own.resent.rate / present.resent.rate, 2) if present else None,
        ),
        Row(
            f"{name}: size",
            f"{own.table_mb:,.0f} MB and {own.index_mb:,.0f} MB of indexes",
            f"{present.table_mb:,.0f} and {present.index_mb:,.0f}" if present else "", None,
        ),
        Row(
            f"{name}: finding a message id", f"{own.find_ms:.2f} ms",
            f"{present.find_ms:.2f} ms" if present else "", None,
        ),
        Row(
            f"{name}: pruning two months",
            f"{own.prune_seconds:.2f} s, {own.given_back_mb:,.0f} MB given back",
            f"{present.prune_seconds:.2f} s" if present else "", None,
        ),
    ]  # fmt: skip


def _log_position(connection: psycopg.Connection) -> int:
    found = connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
    return int(found[0])  # type: ignore[index]


def _refuse_without_disk(url: str, rows: int, gb_a_million: float) -> None:
    with connect(url, application_name="bench") as connection:
        folder = connection.execute("show data_directory").fetchone()[0]  # type: ignore[index]
    needed = rows / 1e6 * gb_a_million
    if not os.path.isdir(folder):
        raise ProblemError("The disk of the server cannot be seen from here: measure beside it.")
    if (free := shutil.disk_usage(folder).free / 1e9) < needed:
        raise ProblemError(
            f"{rows:,} rows need {needed:.0f} GB of disk and {free:.0f} GB are free in {folder}."
        )


def main() -> None:
    """Measure on an embedded server of its own, in DATA_DIR, that is gone afterwards."""
    parser = argparse.ArgumentParser(description="Shapes of raw_segment.events beside each other.")
    parser.add_argument("--rows", type=int, default=ROWS["small"], help="calls in the end")
    parser.add_argument(
        "--apart", nargs="*", choices=list(SHAPES), metavar="SHAPE",
        help=f"one shape after the other, of {', '.join(SHAPES)} all or these",
    )  # fmt: skip
    options = parser.parse_args()
    # Without names it is all of them.
    apart = list(SHAPES) if options.apart == [] else options.apart or ()
    try:
        with own_server(load_settings().data_dir) as settings:
            url = embedded.server_url(settings, "warehouse")
            loads = [os.getloadavg()[0]]
            found = run(url, rows=options.rows, apart=apart)
            loads.append(os.getloadavg()[0])
    except ProblemError as problem:
        sys.exit(str(problem))
    print_rows(found)
    print(f"Load before and after: {loads[0]:.1f}, {loads[1]:.1f} on {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
