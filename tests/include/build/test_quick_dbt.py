"""A session that dbt hands on is like a new one."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from dbt.adapters.postgres import PostgresAdapter, PostgresCredentials
from psycopg.conninfo import conninfo_to_dict

from include.build.quick_dbt import make_quick


@pytest.fixture
def sessions(warehouse: str) -> Iterator[Any]:
    """dbt's sessions with a warehouse."""
    make_quick()
    parts = conninfo_to_dict(warehouse)
    credentials = PostgresCredentials(
        host=parts["host"], port=int(parts["port"]), user=parts["user"],
        password=parts.get("password", ""), database=parts["dbname"], schema="public",
    )  # fmt: skip
    manager = PostgresAdapter.ConnectionManager(
        SimpleNamespace(credentials=credentials), multiprocessing.get_context("spawn")
    )
    yield manager
    manager.cleanup_all()


@contextmanager
def session_of(sessions: Any, node: str) -> Iterator[Any]:
    """As dbt has one for each model and test: a function that asks it for one value."""
    sessions.set_connection_name(node)

    def ask(query: str) -> Any:
        _, cursor = sessions.add_query(query, auto_begin=True)
        return cursor.fetchone()[0] if cursor.description else None

    try:
        yield ask
    finally:
        sessions.release()


def test_nothing_of_one_model_is_left_to_the_next(sessions: Any, warehouse: str) -> None:
    with psycopg.connect(warehouse, autocommit=True) as admin:
        admin.execute(f"alter database {admin.info.dbname} set datestyle = 'German'".encode())
    with session_of(sessions, "one") as ask:
        process = ask("select pg_backend_pid()")
        as_new = ask("select current_setting('work_mem') || current_setting('datestyle')")
        ask("create table not_committed (id int)")
    with session_of(sessions, "two") as ask:
        ask("create temporary table kept (id int)")
        ask("set work_mem = '7MB'")
        ask("set datestyle = 'SQL'")
        sessions.commit()

    with session_of(sessions, "another") as ask:
        assert ask("select pg_backend_pid()") == process
        settings = ask("select current_setting('work_mem') || current_setting('datestyle')")
        assert settings == as_new
        assert "ISO" in settings
        assert ask("select to_regclass('pg_temp.kept')") is None
        assert ask("select to_regclass('not_committed')") is None


def test_a_session_that_broke_is_followed_by_a_new_one(sessions: Any, warehouse: str) -> None:
    with session_of(sessions, "one") as ask:
        process = ask("select pg_backend_pid()")
        with psycopg.connect(warehouse, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s)", [process])

    with session_of(sessions, "another") as ask:
        assert ask("select pg_backend_pid()") != process


def test_no_session_is_left_when_dbt_is_done(sessions: Any, warehouse: str) -> None:
    with session_of(sessions, "one") as ask:
        process = ask("select pg_backend_pid()")
    sessions.cleanup_all()
    with psycopg.connect(warehouse, autocommit=True) as admin:
        for _ in range(100):
            left = admin.execute(
                "select count(*) from pg_stat_activity where pid = %s", [process]
            ).fetchone()
            if left == (0,):
                break
            admin.execute("select pg_sleep(0.1)")
        assert left == (0,)
