"""The DAG that forgets whoever waits: with a receipt, and nobody named in Airflow."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from tests.dags.conftest import Inside

FORGET = "forget_people"
SOMEBODY = "somebody-to-forget@acme.example"


@pytest.fixture
def given(warehouse: str) -> dict[str, str]:
    """The connection, as Airflow reads it, with a request that waits."""
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into sync.forget_requests (asked, origin, requested_by, reason)"
            " values (%s, 'page', 'ada', 'asked by letter')",
            [SOMEBODY],
        )
    return {"AIRFLOW_CONN_WAREHOUSE": warehouse}


def test_it_forgets_whoever_waits_and_names_nobody_in_airflow(
    inside: Inside, given: dict[str, str]
) -> None:
    made = inside.ask("run", FORGET, "{}", **given)

    assert made["state"] == "success"
    with psycopg.connect(given["AIRFLOW_CONN_WAREHOUSE"]) as connection:
        (receipt,) = connection.execute(
            "select requested_by, reason, done, cardinality(hashes), finished_at is not null"
            " from sync.forgettings"
        ).fetchall()
        assert connection.execute("select asked from sync.forget_requests").fetchall() == [(None,)]
    assert receipt == ("ada", "asked by letter", {}, 1, True)
    folders = [inside.folder, Path(inside.environment["AIRFLOW_HOME"])]
    files = {file for folder in folders for file in folder.rglob("*") if file.is_file()}
    assert any(file.name.endswith(".db") for file in files)
    assert [str(file) for file in files if SOMEBODY.encode() in file.read_bytes()] == []
    (database,) = (file for file in files if file.name == "airflow.db")
    with sqlite3.connect(database) as airflow:
        assert airflow.execute(
            "select count(*) from dag_run where dag_id = ?", [FORGET]
        ).fetchone() == (1,)


def test_a_parameter_that_there_is_not_forgets_nobody(
    inside: Inside, given: dict[str, str]
) -> None:
    (task,) = inside.ask("run", FORGET, '{"agian": true}', **given)["tasks"]
    assert (task["state"], task["tries"]) == ("failed", 1)
