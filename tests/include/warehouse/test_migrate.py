from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.errors import ServiceError
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.migrate import FOLDER, migrate


@pytest.fixture
def empty_database(server: Settings):
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute("create database empty_one")
        yield embedded.server_url(server, "empty_one")
        admin.execute("drop database empty_one with (force)")


def test_two_processes_at_once_apply_each_migration_once(empty_database: str):
    with ThreadPoolExecutor(4) as pool:
        each_applied = pool.map(lambda _: migrate(empty_database), range(4))
        applied = [name for names in each_applied for name in names]
    assert sorted(applied) == sorted(file.name for file in FOLDER.glob("*.sql"))
    assert applied, "no migration was found"


def test_an_older_checkout_refuses_a_newer_warehouse(warehouse: str):
    with psycopg.connect(warehouse) as connection:
        connection.execute("insert into sync.migrations (name) values ('9999_later.sql')")
    with pytest.raises(ServiceError, match="9999_later"):
        migrate(warehouse)


def test_a_server_that_does_not_answer_is_said_in_one_line():
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1/nowhere does not answer") as caught:
        migrate("postgresql://someone:secret@127.0.0.1:1/nowhere")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
