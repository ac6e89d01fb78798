"""Every query of the page, asked of a warehouse that dbt really built."""

from functools import partial

import psycopg
import pytest

from include.build import build
from include.page import metrics, tracking, usage
from include.warehouse import reading

QUERIES = {
    "outcomes": tracking.outcomes,
    "resolved": tracking.resolved,
    "unresolved": partial(tracking.unresolved, reason="no_company", with_persons=True),
    "endusers": tracking.endusers,
    "created": partial(tracking.created, with_persons=True),
    "filled": metrics.filled,
    "companies of a metric": partial(metrics.companies, metric="seats", search="a"),
    "days of a metric": partial(metrics.days, metric="seats", company_id="c1"),
    "candidates": metrics.candidates,
    "rejections": metrics.rejections,
    "base": usage.base,
    "open alerts": partial(usage.open_alerts, object_type="asset", with_persons=True),
    "companies": partial(usage.companies, search="a", trend="up"),
    "company": partial(usage.company, company_id="c1", with_persons=True),
    "enduser": partial(usage.enduser, enduser_id="e1"),
}


def test_the_page_has_no_words_of_trouble_for_a_warehouse_that_was_built(warehouse, settings):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload) values ('company', 'c1', "
            """'{"_id": "c1", "name": "Northwind", "externalId": "n1"}')"""
        )
    build(warehouse, settings, requested_by="a test", say=lambda line: None)

    found = {name: reading.part(warehouse, query) for name, query in QUERIES.items()}

    assert {name: part["problem"] for name, part in found.items() if "problem" in part} == {}
    assert found["company"]["company"]["name"] == "Northwind"
    assert found["companies"] == {"total": 0, "rows": []}


@pytest.mark.parametrize("name", QUERIES)
def test_before_the_first_build_every_query_says_how_to_build(warehouse, name):
    assert reading.part(warehouse, QUERIES[name]) == {"problem": reading.NOT_BUILT}
