"""Every query of the page, asked of a warehouse that dbt really built."""

from datetime import date
from functools import partial

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.build import build
from include.compare import Days, compare
from include.connections import PlanhatConnection
from include.page import calls, finding_lists, findings, metrics, tracking, usage
from include.settings import ROOT
from include.warehouse import reading
from tests.dbt_project.landing import land_calls
from tests.include.why.world import quarantine

QUERIES = {
    "outcomes": tracking.outcomes,
    "resolved": tracking.resolved,
    "unresolved": partial(tracking.unresolved, reason="no_company", with_persons=True),
    "endusers": tracking.endusers,
    "created": partial(tracking.listed_endusers, origin="segment", with_persons=True),
    "known": partial(tracking.listed_endusers, with_persons=False),
    "calls": partial(calls.calls, with_persons=True),
    "resolved calls": partial(calls.calls, which="resolved", with_persons=False),
    "quality": findings.quality,
    "places of a finding": partial(
        findings.things, finding="company_without_external_id", with_persons=True
    ),
    "unknown companies": findings.unknown_companies,
    "lateness": findings.lateness,
    "proposals": findings.proposals,
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


OBJECTS = [
    ("company", "c1", {"name": "Northwind", "externalId": "n1"}),
    # no call can name it
    ("company", "c2", {"name": "Southbank"}),
    ("company", "c3", {"name": "One", "externalId": "twice"}),
    ("company", "c4", {"name": "Two", "externalId": "twice"}),
    ("enduser", "e1", {"companyId": "c1", "externalId": "x", "email": "a@x.example"}),
    ("enduser", "e2", {"companyId": "c1", "externalId": "x", "email": "b@x.example"}),
    # their company was never read
    ("enduser", "e3", {"companyId": "gone", "email": "c@x.example"}),
    ("asset", "a1", {"companyId": "c1", "name": "Pump", "externalId": "p1"}),
    ("asset", "a2", {"companyId": "c1", "name": "Valve", "externalId": "p2"}),
]
CALLS = [
    # a company that Planhat lacks; a key that Northwind had; a user id that is an address
    {"type": "track", "event": "E", "userId": "u1", "properties": {"company_id": "nowhere"}},
    {"type": "track", "event": "E", "userId": "u2", "properties": {"company_id": "n0"}},
    {"type": "track", "event": "E", "userId": "a@x.example", "properties": {"company_id": "n1"}},
    {"type": "track", "event": "E", "userId": "u3", "timestamp": "yesterday"},
]


def fill(url) -> None:
    """Something of most of what marts.quality looks for."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.cursor().executemany(
            "insert into raw_planhat.objects (model, planhat_id, payload) values (%s, %s, %s)",
            [(model, name, Jsonb({"_id": name, **payload})) for model, name, payload in OBJECTS],
        )
        for statement in (
            "raw_planhat.former_keys (model, company, planhat_id, external_id, last_read_id) "
            "values ('company', '', 'c1', 'n0', 1), ('asset', 'c1', 'a1', 'old', 1), "
            "('asset', 'c1', 'a2', 'old', 1)",
            "raw_planhat.rejects (file, line, code, reason, text) values "
            "('a.csv', 3, 'no_key', 'no key', '')",
            "sync.company_aliases (alias, planhat_id) values ('merged', repeat('f', 24))",
        ):
            connection.execute(f"insert into {statement}")
    quarantine(url, {"event": "x"})
    calls = [{"messageId": f"m{number}", **call} for number, call in enumerate(CALLS)]
    land_calls(url, calls, received_at="2026-03-02T20:00:00Z")


def test_the_page_has_no_words_of_trouble_for_a_warehouse_that_was_built(
    warehouse, settings, played, played_address
):
    fill(warehouse)
    build(warehouse, settings, requested_by="a test", say=lambda line: None)

    found = {name: reading.part(warehouse, query) for name, query in QUERIES.items()}

    assert {name: part["problem"] for name, part in found.items() if "problem" in part} == {}
    assert found["company"]["company"]["name"] == "Northwind"
    assert found["companies"] == {"total": 0, "rows": []}
    assert found["unknown companies"]["rows"][0]["company_key"] == "nowhere"
    assert found["calls"]["total"] == len(found["calls"]["rows"]) == len(CALLS)

    # each number of a finding opens as many things
    counted = {row["finding"]: row["times"] for row in found["quality"]["findings"]}
    assert {
        "company_without_external_id", "former_company_key_in_use",
        # of two objects that had one key last neither has it, which is said and not refused
        "former_key_of_several", "company_alias_without_effect",
    } <= set(counted)  # fmt: skip
    for finding, times in counted.items():
        query = partial(findings.things, finding=finding, with_persons=True)
        opened = reading.part(warehouse, query)
        assert "problem" not in opened, (finding, opened)
        assert sum(row.get("times", 1) for row in opened["rows"]) == times, finding
    # those of whom there was none here can be asked for, too
    quality = (ROOT / "dbt_project" / "models" / "marts" / "quality" / "quality.sql").read_text()
    asked = {
        name: reading.part(warehouse, partial(findings.things, finding=name, with_persons=False))
        for name in set(finding_lists.LISTS) - set(counted)
        if name in quality or any(name.endswith(e) and e in quality for e in findings.KINDS)
    }
    assert {name: part for name, part in asked.items() if part.get("total") != 0} == {}

    # whoever compares asks the same tables
    tenant = PlanhatConnection(played_address, played.token)
    days = Days(date(2026, 3, 1), date(2026, 3, 10))
    compared = compare(warehouse, tenant, days, requested_by="a test", say=lambda line: None)
    assert {
        (section.name, reason.outcome, reason.code): reason.count
        for section in compared.sections
        for reason in section.reasons
    } == {
        # u2 has no address; Planhat has neither u2 nor a@x.example, as it is played
        ("endusers", "ours_only", "no_address"): 1,
        ("activity", "ours_only", "no_address"): 1,
        ("activity", "ours_only", "not_in_planhat"): 1,
    }


@pytest.mark.parametrize("name", QUERIES)
def test_before_the_first_build_every_query_says_how_to_build(warehouse, name):
    assert reading.part(warehouse, QUERIES[name]) == {"problem": reading.NOT_BUILT}
