"""A collector as it runs: its own process on a port of its own, a real warehouse behind it."""

import hashlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from include.collector.sources import add_demo_sources
from include.settings import Settings, load_settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate
from tests.conftest import copied

ROOT = Path(__file__).parents[3]

_numbers = itertools.count(1)
_folders = Path(tempfile.mkdtemp(prefix="collector-"))


@dataclass
class Running:
    """A collector process and a client for it."""

    process: subprocess.Popen[str]
    url: str
    warehouse: str
    lines: list[str] = field(default_factory=list)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def post(self, path: str, body: Any = None, *, key: str | None = "demo-app", **more: Any):
        """POST `body` as JSON (bytes as they are) with the key as Basic auth."""
        if isinstance(body, (bytes, str)):
            more["content"] = body
        elif body is not None:
            more["json"] = body
        auth = (key, "") if key else None
        return self.client.post(self.url + path, auth=auth, **more)

    def get(self, path: str, **more: Any):
        return self.client.get(self.url + path, **more)

    def rows(self, query: str, *values: Any) -> list[dict]:
        with psycopg.connect(self.warehouse, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def events(self) -> list[dict]:
        return self.rows("select * from raw_segment.events order by event_seq")

    def quarantine(self) -> list[dict]:
        return self.rows("select * from raw_segment.quarantine order by quarantine_id")

    def books(self) -> dict[str, int]:
        """The books of all hours and sources together; they must balance.

        Calls that were turned away have a figure of their own.
        """
        (sums,) = self.rows(
            "select coalesce(sum(received), 0)::int as received,"
            " coalesce(sum(landed), 0)::int as landed,"
            " coalesce(sum(duplicates), 0)::int as duplicates,"
            " coalesce(sum(quarantined), 0)::int as quarantined,"
            " coalesce(sum(spooled), 0)::int as spooled,"
            " coalesce(sum(turned_away), 0)::int as turned_away from raw_segment.intake"
        )
        parts = ("landed", "duplicates", "quarantined", "spooled", "turned_away")
        assert sums["received"] == sum(sums[part] for part in parts), sums
        del sums["turned_away"]
        return sums

    def turned_away(self) -> int:
        """Calls of suppressed people, by the books."""
        (row,) = self.rows("select coalesce(sum(turned_away), 0)::int as n from raw_segment.intake")
        return row["n"]

    @property
    def spool_folder(self) -> Path:
        return _data_folder(self.warehouse) / "spool"

    def spooled(self) -> list[Path]:
        """The segments on disk."""
        return sorted(self.spool_folder.glob("*.spool"))

    def wait_until_drained(self) -> None:
        """Until nothing is left in the spool; a minute at most."""
        deadline = time.monotonic() + 60
        while self.spooled():
            assert time.monotonic() < deadline, "the spool is not drained"
            time.sleep(0.05)

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(30)


def start_collector(warehouse: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """`python -m include.collector` on a free port; the caller ends it.

    Its DATA_DIR, with the spool, is that of its warehouse: a second collector shares it. It has one
    worker unless the test asks for more: so `kill -9` of the process ends all of it at once.
    """
    folder = _data_folder(warehouse)
    known = {
        "AIRFLOW_CONN_WAREHOUSE": warehouse,
        "COLLECTOR_PORT": "0",
        "COLLECTOR_WORKERS": "1",
        "COLLECTOR_ANALYTICS_JS_DIR": str(_library()),
        "DATA_DIR": str(folder),
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "include.collector", *arguments],
        cwd=ROOT, env={**os.environ, **known}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


LIBRARY = """window.analyticsWriteKey="__WRITE_KEY__";var cdn="https://cdn.segment.com";
var parts="https://cdn.segment.com/analytics-next/bundles/",metrics="api.segment.io/v1";
var other=new RegExp("https://cdn.segment.(com|build)");"""


def _library() -> Path:
    """A folder like that of Segment's library for browsers, in which little does nothing."""
    folder = _folders / "analytics-next"
    scripts = folder / "dist" / "umd"
    if not scripts.is_dir():
        scripts.mkdir(parents=True)
        (folder / "LICENSE.MD").write_text("The licence of a library */ of nobody\n")
        (scripts / "queryString.bundle.0123.js").write_text("var part=1;")
        (scripts / "standalone.js").write_text(LIBRARY)
    return folder


def _data_folder(warehouse: str) -> Path:
    # One a warehouse and test process: databases of different servers have the same names.
    digest = hashlib.sha256(warehouse.encode()).hexdigest()[:16]
    folder = _folders / digest
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _clean_folders() -> Iterator[None]:
    yield
    shutil.rmtree(_folders, ignore_errors=True)


@contextmanager
def running(warehouse: str, *arguments: str, **environment: str) -> Iterator[Running]:
    """A collector that listens; killed at the end if it still runs."""
    process = start_collector(warehouse, *arguments, **environment)
    lines = []
    try:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"listens on (http://\S+)", line):
                httpx.get(found[1] + "/health", timeout=30)  # answered when a worker is ready
                yield Running(process, found[1], warehouse, lines)
                return
        pytest.fail(f"the collector did not start: {''.join(lines)}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="module")
def shared_collector(server: Settings) -> Iterator[Running]:
    """One collector with the demo sources for the tests of a file, in front of one warehouse."""
    # its spool is that of its address
    with copied(server, f"collector_{next(_numbers)}") as url:
        add_demo_sources(url)
        with running(url) as collector:
            yield collector


@pytest.fixture
def collector(shared_collector: Running) -> Running:
    """The file's collector, with nothing landed yet. Leave its sources as they are."""
    with psycopg.connect(shared_collector.warehouse) as connection:
        connection.execute(
            "truncate raw_segment.events, raw_segment.loads, raw_segment.intake,"
            " raw_segment.quarantine, raw_planhat.changed"
        )
    return shared_collector


@pytest.fixture
def start(warehouse: str) -> Iterator[Callable[..., Running]]:
    """Starts collectors in front of the test's own warehouse, which has the demo sources:
    `start("--workers", "2")`."""
    add_demo_sources(warehouse)
    with ExitStack() as stack:
        yield lambda *arguments, **environment: stack.enter_context(
            running(warehouse, *arguments, **environment)
        )


@pytest.fixture(scope="module")
def _server_to_stop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("own-server")
    for parent in (folder, *folder.parents):
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    settings = load_settings({"DATA_DIR": str(folder)})
    try:
        url = embedded.start(settings)
        migrate(url)
        add_demo_sources(url)
        with psycopg.connect(embedded.server_url(settings, "postgres"), autocommit=True) as admin:
            admin.execute("alter database warehouse rename to as_new")
        yield settings
    finally:
        embedded.stop(settings)
        embedded.remove(settings)


@pytest.fixture
def own_server(_server_to_stop: Settings) -> Settings:
    """Settings of a Postgres that a test may stop; with a new warehouse and the demo sources."""
    embedded.stop(_server_to_stop)
    embedded.start(_server_to_stop)
    url = embedded.server_url(_server_to_stop, "postgres")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("drop database if exists warehouse with (force)")
        admin.execute("create database warehouse template as_new strategy file_copy")
    # The spool of the test before had the same address.
    shutil.rmtree(_data_folder(embedded.server_url(_server_to_stop, "warehouse")))
    return _server_to_stop
