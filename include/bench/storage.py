"""What keeping calls for years costs: shapes of `raw_segment.events` beside each other.

    python -m include.bench.storage --rows 1000000

Each batch goes into every shape in turn, so that what else happens on the machine hits all of
them. The calls are made beforehand and outside the time; what is timed is the insertion alone, with
deduplication and commit, on one connection. Write-ahead log and sizes hardly depend on the machine.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from include.bench.rows import Row, print_rows
from include.errors import ProblemError
from include.settings import load_settings
from include.warehouse import embedded
from include.warehouse.connection import connect
from include.warehouse.migrate import migrate

Say = Callable[[str], None]

DATABASE = "storage_bench"
BATCH = 5_000
# How many rows there are in the end, and how many of them come in the time that is reported.
ROWS = {"small": 1_000_000, "full": 10_000_000}
MEASURED = 0.2
LOOKUPS = 200
# What a million calls take in all shapes together, write-ahead log included.
GB_A_MILLION = 4.0
# Calls come in the order of time, over so many months.
MONTHS = 6

_NEW_BATCH = """
insert into incoming
select
    id, now() - interval '1 month' * %(months)s * greatest(0, 1 - n / %(rows)s::float8),
    jsonb_build_object(
        'type', 'track', 'messageId', id, 'userId', 'user-' || left(id, 5), 'anonymousId', id,
        'event', 'Report Viewed', 'timestamp', '2026-01-01T00:00:00.000Z',
        'properties', jsonb_build_object('company_id', 'company-' || left(id, 2), 'rows', 120),
        'context', jsonb_build_object(
            'library', jsonb_build_object('name', 'bench', 'version', '1'), 'ip', '127.0.0.1'
        )
    )::text
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
"""

_PRESENT = """
create table present (like raw_segment.events including all);
"""
_ADD_PRESENT = """
insert into present (message_id, source, type, received_at, payload, load_id)
select message_id, 'bench', 'track', received_at, payload::jsonb, %(load)s from incoming
on conflict do nothing
"""

_TEXT = """
create table by_text (like raw_segment.events including identity);
alter table by_text drop column message_key;
create unique index on by_text (message_id);
create index on by_text using brin (load_id);
"""
_ADD_TEXT = _ADD_PRESENT.replace("into present", "into by_text")

_MONTHLY = """
create table keys (message_key uuid primary key);
create table monthly (
    like raw_segment.events including identity including generated
) partition by range (received_at);
create index on monthly (message_key);
create index on monthly using brin (load_id);
"""
_ADD_MONTHLY = """
with new as (
    insert into keys select md5(message_id)::uuid from incoming
    on conflict do nothing
    returning message_key
)
insert into monthly (message_id, source, type, received_at, payload, load_id)
select message_id, 'bench', 'track', received_at, payload::jsonb, %(load)s
from incoming join new on new.message_key = md5(incoming.message_id)::uuid
"""


@dataclass(frozen=True)
class _Shape:
    name: str
    make: str
    add: str
    find: str
    tables: tuple[str, ...]


SHAPES = (
    _Shape(
        "one table, 16-byte key", _PRESENT, _ADD_PRESENT,
        "select payload from present where message_key = md5(%s)::uuid", ("present",),
    ),
    _Shape(
        "one table, text key", _TEXT, _ADD_TEXT,
        "select payload from by_text where message_id = %s", ("by_text",),
    ),
    _Shape(
        "keys beside monthly tables", _MONTHLY, _ADD_MONTHLY,
        "select payload from monthly where message_key = md5(%s)::uuid", ("keys", "monthly"),
    ),
)  # fmt: skip


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
    """Of one shape."""

    new: _Cost = field(default_factory=_Cost)
    resent: _Cost = field(default_factory=_Cost)
    find_ms: float = 0.0
    table_mb: float = 0.0
    index_mb: float = 0.0


def run(
    url: str, *, size: str = "small", rows: int | None = None, say: Say = print
) -> list[Row]:  # fmt: skip
    """Measure the shapes on the server of `url`, in a database of its own that is dropped after.

    `size` small: 1 M rows, about two minutes; full: 10 M; `rows` is another number. Raises
    `ProblemError` when the disk is too small for it, `ServiceError` when Postgres does not answer.
    """
    total = max(rows or ROWS[size], 4 * BATCH)
    _refuse_without_disk(url, total)
    own = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    with connect(url, application_name="bench", autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")
        admin.execute(f"create database {DATABASE}")
        try:
            migrate(own)
            with connect(own, application_name="bench", autocommit=True) as connection:
                return _measure(connection, total, say)
        finally:
            admin.execute(f"drop database if exists {DATABASE} with (force)")


def _measure(connection: psycopg.Connection, rows: int, say: Say) -> list[Row]:
    for shape in SHAPES:
        connection.execute(shape.make)
    _make_partitions(connection)
    connection.execute(
        "create temporary table incoming (message_id text, received_at timestamptz, payload text)"
    )
    before = int(rows * (1 - MEASURED))
    _append(connection, 1, before, rows, resent=0)
    say(f"{before:,} rows are there")
    new = _append(connection, before + 1, rows, rows, resent=0)
    resent = _append(connection, rows + 1, rows + max(rows // 10, BATCH), rows, resent=10)
    figures = {
        shape.name: replace(
            _sizes(connection, shape),
            new=new[shape.name],
            resent=resent[shape.name],
            find_ms=_find_ms(connection, shape, rows),
        )
        for shape in SHAPES
    }
    prunings = _prune(connection)
    return [*_rows(figures, rows), *prunings]


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


def _append(
    connection: psycopg.Connection, first: int, last: int, rows: int, *, resent: int
) -> dict[str, _Cost]:
    """Put calls `first` to `last` into every shape; of a hundred, `resent` came before."""
    costs = {shape.name: _Cost() for shape in SHAPES}
    for number, start in enumerate(range(first, last + 1, BATCH)):
        batch = min(BATCH, last + 1 - start)
        connection.execute("truncate incoming")
        values = {"start": start, "batch": batch, "rows": rows, "months": MONTHS, "resent": resent}
        connection.execute(_NEW_BATCH, values)
        # Each shape is first as often as the others.
        turn = number % len(SHAPES)
        for shape in (*SHAPES[turn:], *SHAPES[:turn]):
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


def _prune(connection: psycopg.Connection) -> list[Row]:
    """Drop the oldest whole month where that is a table of its own, delete it where not."""
    cutoff = f"date_trunc('month', now()) - interval '{MONTHS - 2} month'"
    present = SHAPES[0]
    before = _sizes(connection, present)
    began = perf_counter()
    deleted = connection.execute(
        f"delete from present where received_at < {cutoff}"  # noqa: S608
    ).rowcount
    connection.execute("vacuum present")
    deleting = perf_counter() - began
    after = _sizes(connection, present)
    began = perf_counter()
    connection.execute(f"drop table month_{MONTHS + 1}, month_{MONTHS}, month_{MONTHS - 1}")
    dropping = perf_counter() - began
    given_back = before.table_mb + before.index_mb - after.table_mb - after.index_mb
    return [
        Row(
            f"one table: pruning {deleted:,} calls by delete and vacuum",
            f"{deleting:.1f} s, {max(given_back, 0):,.0f} MB given back",
            f"{dropping:.2f} s (dropping monthly tables)",
            None,
        )
    ]


def _rows(figures: dict[str, _Figures], rows: int) -> list[Row]:
    present = figures[SHAPES[0].name]
    beside = "16-byte key, as it is now"
    found = []
    for name, each in figures.items():
        is_present = each is present
        found += [
            Row(
                f"{name}: appending, at {rows / 1e6:g} M rows", str(each.new),
                "" if is_present else f"{present.new.rate:,.0f} ({beside})",
                None if is_present else round(each.new.rate / present.new.rate, 2),
            ),
            Row(
                f"{name}: 10% sent again", str(each.resent),
                "" if is_present else f"{present.resent.rate:,.0f} ({beside})",
                None if is_present else round(each.resent.rate / present.resent.rate, 2),
            ),
            Row(
                f"{name}: size",
                f"{each.table_mb:,.0f} MB and {each.index_mb:,.0f} MB of indexes",
                "" if is_present else f"{present.table_mb:,.0f} and {present.index_mb:,.0f}",
                None,
            ),
            Row(
                f"{name}: finding a message id", f"{each.find_ms:.2f} ms",
                "" if is_present else f"{present.find_ms:.2f} ms", None,
            ),
        ]  # fmt: skip
    return found


def _log_position(connection: psycopg.Connection) -> int:
    found = connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
    return int(found[0])  # type: ignore[index]


def _refuse_without_disk(url: str, rows: int) -> None:
    with connect(url, application_name="bench") as connection:
        folder = connection.execute("show data_directory").fetchone()[0]  # type: ignore[index]
    needed = rows / 1e6 * GB_A_MILLION
    if not os.path.isdir(folder):
        raise ProblemError("The disk of the server cannot be seen from here: measure beside it.")
    if (free := shutil.disk_usage(folder).free / 1e9) < needed:
        raise ProblemError(
            f"{rows:,} rows need {needed:.0f} GB of disk and {free:.0f} GB are free in {folder}."
        )


def main() -> None:
    """Measure on an embedded server of its own, in DATA_DIR, that is gone afterwards."""
    parser = argparse.ArgumentParser(description="Shapes of raw_segment.events beside each other.")
    parser.add_argument("--rows", type=int, default=ROWS["small"])
    rows = parser.parse_args().rows
    parent = load_settings().data_dir
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="storage-", dir=parent))
    folder.chmod(0o755)
    settings = load_settings({"DATA_DIR": str(folder)})
    try:
        url = embedded.start(settings)
        loads = [os.getloadavg()[0]]
        found = run(url, rows=rows)
        loads.append(os.getloadavg()[0])
        print_rows(found)
        print(f"Load before and after: {loads[0]:.1f}, {loads[1]:.1f} on {os.cpu_count()} cores.")
    except ProblemError as problem:
        sys.exit(str(problem))
    finally:
        embedded.stop(settings)
        embedded.remove(settings)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
