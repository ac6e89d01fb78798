"""What it costs to keep calls no longer as they came: beside a bare update of as many rows.

`python -m include.bench.retention --rows N`, on an embedded server of its own. Not part of `make
bench`: a history must be built first.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from include.bench.build import add_customers, add_events
from include.bench.server import own_server
from include.build import build
from include.build.lock import take_lock
from include.errors import ProblemError
from include.privacy.retention.keeping import keep
from include.privacy.retention.rules import ALL, Rule, set_rule
from include.settings import load_settings
from include.warehouse import embedded

ROWS = 1_000_000
# So that each has some twenty calls a day.
CALLS_OF_A_USER = 2_000
LATER = datetime.now(UTC) + timedelta(days=400)


def run(url: str, rows: int, say: Callable[[str], None]) -> None:
    """Measure, and say each figure."""
    with tempfile.TemporaryDirectory() as folder, psycopg.connect(url, autocommit=True) as asked:
        add_customers(url)
        add_events(url, rows, users=max(rows // CALLS_OF_A_USER, 1), says_more=True)
        asked.execute("vacuum analyze raw_segment.events")
        settings = load_settings({"DATA_DIR": folder, "AIRFLOW_CONN_WAREHOUSE": url})
        Path(folder).chmod(0o755)
        build(url, settings, requested_by="bench", say=lambda line: None)
        say(f"table of {rows:,} calls: {_size(asked)}")
        with _timed("a bare update of as many rows", rows, say):
            asked.execute("create table bare as select message_id, payload from raw_segment.events")
            asked.execute("update bare set payload = '{}'")
        asked.execute("drop table bare")
        set_rule(url, Rule(ALL, ALL, 1, None), by="bench")
        with _timed("payloads", rows, say):
            say(f"  {_keep(url)}")
        asked.execute("vacuum raw_segment.events")
        say(f"table after it, vacuumed: {_size(asked)}")
        set_rule(url, Rule(ALL, ALL, 1, 2), by="bench")
        with _timed("calls of a day", rows, say):
            say(f"  {_keep(url)}")
        asked.execute("vacuum raw_segment.events")
        say(f"table after it, vacuumed: {_size(asked)}")
        with _timed("looking again, nothing is due", rows, say):
            keep(url, by="bench", now=LATER, always=True, lock=_lock, say=lambda line: None)
        add_events(url, rows, users=max(rows // CALLS_OF_A_USER, 1), says_more=True)
        say(f"table with as many calls more: {_size(asked)}")


def _keep(url: str) -> object:
    return keep(url, by="bench", now=LATER, lock=_lock, say=lambda line: None)


def _lock(holder: psycopg.Connection) -> None:
    take_lock(holder, lambda line: None)


def _size(connection: psycopg.Connection) -> str:
    table, indexes = connection.execute(
        "select pg_table_size('raw_segment.events') / 1e6,"
        " pg_indexes_size('raw_segment.events') / 1e6"
    ).fetchone()  # type: ignore[misc]
    return f"{table:,.0f} + {indexes:,.0f} MB"


@contextmanager
def _timed(what: str, rows: int, say: Callable[[str], None]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    say(f"{what}: {seconds:.1f} s, {rows / seconds:,.0f} calls a second")


def main() -> None:
    """Measure on an embedded server of its own, in DATA_DIR, that is gone afterwards."""
    parser = argparse.ArgumentParser(description="What it costs to keep calls no longer.")
    parser.add_argument("--rows", type=int, default=ROWS, help="calls of the history")
    options = parser.parse_args()
    try:
        with own_server(load_settings().data_dir) as settings:
            run(embedded.server_url(settings, "warehouse"), options.rows, print)
    except ProblemError as problem:
        sys.exit(str(problem))
    print(f"Load at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
