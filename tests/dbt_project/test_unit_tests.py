"""dbt's own unit tests: the rules of matching, of trends, of alerts and of metrics."""

import json
import os
import re

import psycopg
import pytest
import yaml

from include.build import PROJECT, dbt_options, warehouse_environment
from include.settings import Settings


def test_every_rule_stated_in_the_project_holds(built_warehouse: Settings):
    from dbt.cli.main import dbtRunner

    # dbt takes the columns' types of the rows given from the tables: they must be there first
    url = built_warehouse.airflow_conn_warehouse
    os.environ.update(warehouse_environment(url))
    outcome = dbtRunner().invoke(
        ["test", "--select", "test_type:unit", "--log-level", "none", *dbt_options(built_warehouse)]
    )
    results = {result.node.name: result for result in outcome.result.results}
    assert set(results) == {test["name"] for test in _unit_tests()}
    failed = {name: result.message for name, result in results.items() if result.status != "pass"}
    assert failed == {}, json.dumps(failed, indent=1)

    # §3.10: the table of calls refuses a message id twice
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(
            "insert into staging.stg_segment__calls (event_seq, message_id)"
            " values (1, 'm1'), (2, 'm1')"
        )
    assert isinstance(refused.value, psycopg.errors.UniqueViolation)


def test_each_rule_of_section_3_has_a_unit_test_that_says_so():
    said = {rule for test in _unit_tests() for rule in re.findall(r"§3\.\d+", test["description"])}
    assert said >= {f"§3.{number}" for number in range(1, 13)}


def test_the_name_of_a_unit_test_fits_a_relation_of_the_warehouse():
    assert [test["name"] for test in _unit_tests() if len(test["name"]) > 63] == []


def _unit_tests() -> list[dict]:
    files = sorted((PROJECT / "models").rglob("*.yml"))
    tests = [
        test for file in files for test in yaml.safe_load(file.read_text()).get("unit_tests", [])
    ]
    assert len(tests) >= 50
    return [{"description": "", **test} for test in tests]
