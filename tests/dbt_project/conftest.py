"""Warehouses that a module's tests share: built once, read often."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from include.settings import Settings
from include.warehouse import embedded

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def module_warehouse(server: Settings) -> Iterator[str]:
    """The URL of a migrated warehouse for one module of tests."""
    name = f"module_{next(_numbers)}"
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute(f"create database {name} template warehouse strategy file_copy")
        yield embedded.server_url(server, name)
        admin.execute(f"drop database if exists {name} with (force)")


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
