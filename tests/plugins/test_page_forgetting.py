"""Forgetting people on the page: over HTTP of a real api-server, of a warehouse that was built."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.plugins.conftest import FORGET

EDITORS = {"user", "operator", "admin"}
# of the sample's base
NOBODY = "nobody-here@acme.example"


@pytest.fixture
def connection(told) -> Iterator[psycopg.Connection]:
    with psycopg.connect(told.warehouse, autocommit=True) as connection:
        yield connection


@pytest.fixture
def somebody(connection) -> str:
    """An address that is one person's."""
    (email,) = connection.execute(
        "select email from marts.endusers where email is not null group by email"
        " having count(*) = 1 order by email limit 1"
    ).fetchone()
    return email


def test_somebody_is_looked_at_and_asked_for_by_those_who_may_edit(told, connection, somebody):
    ids = f"{somebody}\n\n{NOBODY}"
    for user in ("viewer", "user", "operator", "admin"):
        connection.execute("truncate sync.forget_requests, sync.suppressed")
        told.forget_runs()
        with told.client(user) as client:
            looked = client.post("/api/forgetting/look", json={"ids": ids})
            seen = looked.json()
            asked = client.post(
                "/api/forgetting",
                json={
                    "ids": ids, "reason": "asked by letter", "suppress": True,
                    "fingerprint": seen.get("fingerprint", ""),
                },
            )  # fmt: skip
            shown = client.get("/api/forgetting").json()["waiting"]
            exported = client.get("/api/forgetting/receipts.json")
        if user not in EDITORS:
            assert {looked.status_code, asked.status_code, exported.status_code} == {403}
            assert told.runs(FORGET) == []
            continue
        assert [(line["line"], line["is_known"]) for line in seen["lines"]] == [
            (1, True), (3, False),
        ]  # fmt: skip
        assert seen["people"] == 2
        assert asked.json()["people"] == 2
        (run,) = told.runs(FORGET)
        assert (run["conf"], run["triggering_user_name"]) == ({}, user)
        assert somebody not in json.dumps(run)
        assert [(each["asked"], each["requested_by"]) for each in shown] == [
            (somebody, user), (NOBODY, user),
        ]  # fmt: skip
        assert exported.headers["content-disposition"] == 'attachment; filename="receipts.json"'
        assert exported.json() == []
        assert connection.execute("select count(*) from sync.suppressed").fetchone()[0] >= 2
    with told.client("viewer") as client:
        assert somebody not in client.get("/api/forgetting").text
    # nor does Airflow know: in no table of its own
    with psycopg.connect(told.metadata) as airflow:
        for (table,) in airflow.execute(
            "select table_name from information_schema.tables where table_schema = 'public'"
        ).fetchall():
            said = airflow.execute(
                f'select count(*) from "{table}" as each where position(%s in each::text) > 0',
                [somebody],
            ).fetchone()
            assert said == (0,), table


def test_who_means_others_than_those_looked_at_or_is_refused_changes_nothing(
    told, connection, somebody
):
    (company,) = connection.execute("select company_id from marts.companies limit 1").fetchone()
    wish = {"ids": somebody, "reason": "asked", "fingerprint": "of others"}
    with told.client("admin") as client:
        others = client.post("/api/forgetting", json=wish)
        seen = client.post("/api/forgetting/look", json={"ids": f"{somebody}\n{company}"}).json()
        none = client.post("/api/forgetting/look", json={"ids": " \n"})
        fingerprint = client.post("/api/forgetting/look", json={"ids": somebody}).json()
        unconnected = client.post(
            "/api/forgetting",
            json={**wish, "fingerprint": fingerprint["fingerprint"], "segment": True},
        )
    assert (unconnected.status_code, "segment_api" in unconnected.json()["detail"]) == (422, True)
    assert (others.status_code, "Look again" in others.json()["detail"]) == (422, True)
    assert [line["refused"] is None for line in seen["lines"]] == [True, False]
    assert none.status_code == 422
    assert connection.execute("select count(*) from sync.forget_requests").fetchone() == (0,)
    assert told.runs(FORGET) == []
