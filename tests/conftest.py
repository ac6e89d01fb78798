"""A real Postgres for every test: one server a worker process, a fresh migrated database a test.
And a played Planhat: one a worker process, emptied for each test.
"""

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.serve import running
from include.played_planhat.switches import Switches
from include.settings import ROOT, Settings, load_settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate
from tests.parts import PARTS, part_of
from tests.quick_dbt import make_quick
from tests.turns import Turns, turn_of

_numbers = itertools.count(1)
# Fixtures of a Postgres, of one that may be stopped, and of an Airflow.
STARTS = {"server", "_server_to_stop", "inside"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("some of the tests")
    group.addoption("--fast", action="store_true", help="those that start nothing")
    group.addoption("--part", choices=sorted(PARTS), help="those of one part of the project")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files of other parts, unread; and with --fast what takes long to read."""
    part = config.getoption("part")
    is_test = collection_path.name.startswith("test_")
    if config.getoption("fast") and collection_path.name == "test_schema.py":
        return True
    if not part or not is_test or not collection_path.is_relative_to(ROOT):
        return None
    return part_of(collection_path.relative_to(ROOT).as_posix()) != part or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest first; without what starts something, where --fast says so."""
    items.sort(key=lambda item: turn_of(item.nodeid))
    if config.getoption("fast"):
        left_out = [each for each in items if _starts(each)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [each for each in items if each not in left_out]


def _starts(item: pytest.Item) -> bool:
    is_marked = item.get_closest_marker("starts") is not None
    return is_marked or not STARTS.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Turns:
    """Say which process runs what."""
    return Turns(config, log)


def pytest_collection_finish() -> None:
    """Let Python's collector pass over what was imported: it is there until the end."""
    gc.freeze()
    # the default looks through dbt's hundred thousands of objects several times a build
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a running server with a migrated database `warehouse` that tests copy."""
    folder = tmp_path_factory.mktemp("server")
    # The server's user must be able to enter it: pytest makes its folders private.
    for parent in (folder, *folder.parents):
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    settings = load_settings({"DATA_DIR": str(folder)})
    make_quick()
    try:
        migrate(embedded.start(settings))
        _trust_the_operating_system(settings)
        yield settings
    finally:
        embedded.stop(settings)
        embedded.remove(settings)


def _trust_the_operating_system(settings: Settings) -> None:
    # Tests kill processes, never the machine: what was written is there without waiting for a disk.
    with psycopg.connect(embedded.server_url(settings, "postgres"), autocommit=True) as admin:
        admin.execute("alter system set fsync = off")
        admin.execute("alter system set full_page_writes = off")
        admin.execute("select pg_reload_conf()")


@contextmanager
def copied(server: Settings, name: str, template: str = "warehouse") -> Iterator[str]:
    """The URL of a copy of a database, dropped in the end."""
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute(f"create database {name} template {template} strategy file_copy")
        yield embedded.server_url(server, name)
        admin.execute(f"drop database if exists {name} with (force)")


@pytest.fixture
def warehouse(server: Settings) -> Iterator[str]:
    """The URL of a fresh warehouse with every migration applied."""
    with copied(server, f"test_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def tables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds without dbt's data tests, a third of their cost, where what is asked is the tables.

    That what we guarantee holds is proved by the builds of other modules, of random worlds too.
    """
    monkeypatch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test")


@pytest.fixture(scope="session")
def stories(server: Settings) -> Iterator[str]:
    """The URL of a warehouse in which the sample's cases were built and pushed: only read it."""
    from tests.include.why import world

    with copied(server, "stories") as url:
        world.make(url, server)
        yield url


@pytest.fixture
def settings(server: Settings, warehouse: str, tmp_path: object) -> Settings:
    """Settings of a project whose warehouse is the test's own database."""
    return replace(server, airflow_conn_warehouse=warehouse)


@pytest.fixture(scope="session")
def served_planhat() -> Iterator[tuple[PlayedPlanhat, str]]:
    """A played Planhat and its address."""
    shared = PlayedPlanhat()
    with running(shared) as address:
        yield shared, address


@pytest.fixture
def played(served_planhat: tuple[PlayedPlanhat, str]) -> PlayedPlanhat:
    """An empty tenant with the default switches."""
    shared, _ = served_planhat
    shared.switches = Switches()
    shared.reset()
    return shared


@pytest.fixture
def played_address(served_planhat: tuple[PlayedPlanhat, str]) -> str:
    """Where it listens."""
    return served_planhat[1]
