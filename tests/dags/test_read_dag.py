"""The DAG that reads Planhat: its API where there is a connection, else a folder, else nothing."""

import json
from pathlib import Path

import psycopg

from include.played_planhat.app import PlayedPlanhat
from tests.dags.conftest import Inside
from tests.include.planhat.world import company

READ = "read_planhat"


def present(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        query = "select payload ->> 'name' from raw_planhat.objects where deleted_at is null"
        return connection.execute(query).fetchall()


def test_it_reads_what_is_set_and_nothing_where_nothing_is(
    inside: Inside, warehouse: str, played: PlayedPlanhat, played_address: str, tmp_path: Path
) -> None:
    given = {"AIRFLOW_CONN_WAREHOUSE": warehouse, "PLANHAT_EXPORTS_DIR": str(tmp_path)}
    assert inside.ask("run", READ, "{}", **given)["tasks"][0]["state"] == "skipped"

    (tmp_path / "companies.jsonl").write_text(json.dumps(company(1)))
    assert inside.ask("run", READ, "{}", **given)["state"] == "success"
    assert present(warehouse) == [("Company 1",)]

    played.documents.load("companies", [company(1, name="Acme")])
    given["AIRFLOW_CONN_PLANHAT"] = f"http://:{played.token}@{played_address.split('//')[1]}"
    assert inside.ask("run", READ, "{}", **given)["state"] == "success"
    assert present(warehouse) == [("Acme",)]

    # a token that nobody knows passes with no retry
    played.switches = played.switches.turned(revoked=True)
    made = inside.ask("run", READ, "{}", **given)
    assert (made["state"], made["tasks"][0]["tries"]) == ("failed", 1)
    assert present(warehouse) == [("Acme",)]

    # exports are read in the place of a Planhat that is a played one
    given["AIRFLOW_CONN_PLANHAT"] += "?played=1"
    assert inside.ask("run", READ, "{}", **given)["state"] == "success"
    assert present(warehouse) == [("Company 1",)]
    # an empty one is not read at all: everything would be taken for deleted
    (tmp_path / "companies.jsonl").unlink()
    played.reset()
    assert inside.ask("run", READ, "{}", **given)["tasks"][0]["state"] == "skipped"
    assert present(warehouse) == [("Company 1",)]
