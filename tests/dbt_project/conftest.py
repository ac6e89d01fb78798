"""Warehouses that are built: one a test, one a module's tests share, one that nobody changes.

Databases of one name after the other: for one of another name dbt reads the whole project anew,
which is a third of what a build of few calls takes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from include.build import build
from include.settings import Settings
from include.warehouse import embedded
from tests.conftest import copied


@pytest.fixture
def warehouse(server: Settings) -> Iterator[str]:
    """The URL of a fresh warehouse with every migration applied."""
    with copied(server, "test") as url:
        yield url


@pytest.fixture(scope="module")
def module_warehouse(server: Settings) -> Iterator[str]:
    """The URL of a migrated warehouse for one module of tests."""
    with copied(server, "module") as url:
        yield url


@pytest.fixture(scope="module")
def module_settings(server: Settings, module_warehouse: str) -> Settings:
    return replace(server, airflow_conn_warehouse=module_warehouse)


@pytest.fixture(scope="module")
def ask(module_warehouse: str) -> Callable[..., list[dict]]:
    """Run a query in the module's warehouse; rows as dictionaries."""

    def run(query: str, *parameters: object) -> list[dict]:
        with psycopg.connect(module_warehouse, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, parameters or None).fetchall()

    return run


@contextmanager
def built_once(
    server: Settings, name: str, make: Callable[[str, Settings], object]
) -> Iterator[str]:
    """A database that `make` lands in and builds, without data tests: a template for copies.

    It is built as `test`, the name of its copies, of which dbt has read the project then.
    """
    with copied(server, "test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test")
        make(url, replace(server, airflow_conn_warehouse=url))
        with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
            admin.execute(f"alter database test rename to {name}".encode())
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        yield name
        admin.execute(f"drop database {name} with (force)".encode())


@pytest.fixture(scope="session")
def built_warehouse(server: Settings) -> Iterator[Settings]:
    """Settings of a warehouse that was built of nothing: with all tables. Leave it as it is."""
    with copied(server, "built") as url:
        settings = replace(server, airflow_conn_warehouse=url)
        build(url, settings, requested_by="test", say=lambda line: None)
        yield settings
