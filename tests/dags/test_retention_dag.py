"""The DAG that lets go what is kept no longer: nothing without a rule, then once."""

import psycopg

from include.privacy.retention.rules import ALL, Rule, set_rule
from tests.dags.conftest import Inside
from tests.dbt_project.landing import land_calls

RETENTION = "keep_retention"


def test_it_does_what_is_due_and_then_nothing(inside: Inside, warehouse: str) -> None:
    given = {"AIRFLOW_CONN_WAREHOUSE": warehouse}
    assert inside.ask("run", RETENTION, "{}", **given)["tasks"][0]["state"] == "skipped"
    call = {"messageId": "a-1", "type": "track", "userId": "u", "properties": {"note": "secret"}}
    land_calls(warehouse, [call], received_at="2024-02-03")
    set_rule(warehouse, Rule(ALL, ALL, 13, None), by="ann")

    states = [inside.ask("run", RETENTION, "{}", **given)["tasks"][0]["state"] for _ in range(2)]

    assert states == ["success", "skipped"]
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select kept_as, payload from raw_segment.events").fetchall() == [
            ("keys", {"type": "track", "userId": "u"})
        ]
        assert connection.execute("select payloads from sync.retention_runs").fetchall() == [(1,)]
