"""dbt's own unit tests: the rules of matching, of trends, of alerts and of metrics."""

import json
import os

from include.build import build, dbt_options, warehouse_environment
from include.settings import Settings


def test_every_rule_stated_in_the_project_holds(module_warehouse: str, module_settings: Settings):
    from dbt.cli.main import dbtRunner

    # dbt takes the columns' types of the rows given from the tables: they must be there first
    build(module_warehouse, module_settings, requested_by="test")
    os.environ.update(warehouse_environment(module_warehouse))
    outcome = dbtRunner().invoke(
        ["test", "--select", "test_type:unit", "--log-level", "none", *dbt_options(module_settings)]
    )
    results = {result.node.name: result for result in outcome.result.results}
    assert len(results) >= 18
    failed = {name: result.message for name, result in results.items() if result.status != "pass"}
    assert failed == {}, json.dumps(failed, indent=1)
