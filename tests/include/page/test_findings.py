"""What was found in the data is shown with what it means, and each number opens."""

import re
from functools import partial

import psycopg
import pytest

from include.page import findings
from include.page.changes import ChangeError
from include.page.identities import alias_company, dismiss_alias, propose_again
from include.settings import ROOT
from include.warehouse import reading
from tests.include.page.world import add_findings, make_marts

QUALITY = ROOT / "dbt_project" / "models"
ACME = "a" * 24


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        make_marts(connection)
        add_findings(connection)
        yield connection


def test_every_finding_of_the_models_has_words():
    quality = (QUALITY / "marts" / "quality" / "quality.sql").read_text()
    named = set(re.findall(r"'([a-z][a-z_0-9]*)' as finding", quality))
    times = (QUALITY / "intermediate" / "quality" / "int_quality__time_problems.yml").read_text()
    assert {"time_before_2000", "time_after_receipt"} <= set(findings.FINDINGS)
    assert "unreadable" in times
    assert len(named) > 8
    assert named - set(findings.FINDINGS) == set()
    # those that are made of a kind and an ending
    endings = set(re.findall(r"'(_[a-z_]+)' as finding", quality))
    assert endings <= set(findings.KINDS)
    for finding in ("user_id_like_a_placeholder", "email_domain_of_many_companies"):
        title, meaning, remedy = findings.words(finding)
        assert title[0].isupper()
        assert "_" not in title
        assert meaning
        assert remedy


def test_what_may_be_somebodys_key_is_told_only_to_some(connection, warehouse):
    connection.execute(
        "insert into marts.quality values ('user_id_is_an_address', null, null, null, 1, 'a@x.y')"
    )
    for with_persons, shown in ((True, "a@x.y"), (False, "(hidden)")):
        found = reading.part(warehouse, partial(findings.quality, with_persons=with_persons))
        examples = {row["finding"]: row["example"] for row in found["findings"]}
        assert examples["user_id_is_an_address"] == shown
        assert examples["company_without_external_id"] == "c7"


def test_findings_of_one_kind_are_one_row_with_what_to_do_and_open_by_place(connection, warehouse):
    found = reading.part(warehouse, findings.quality)["findings"]

    assert [(row["finding"], row["times"], row["parts"]) for row in found] == [
        ("time_unreadable", 42, 2),
        ("something_that_is_new", 5, 1),
        ("company_without_external_id", 3, 1),
        ("call_quarantined_too_large", 1, 1),
    ]
    assert found[0]["remedy"].startswith("Send RFC 3339")
    assert found[1]["title"] == "Something that is new"
    assert found[3]["title"] == "Call set aside: too large"
    opened = reading.part(
        warehouse, partial(findings.things, finding="time_unreadable", with_persons=True)
    )
    assert opened["total"] == 2
    assert sum(row["times"] for row in opened["rows"]) == found[0]["times"]
    assert opened["rows"][0]["shape"] == "99/99/9999"
    assert reading.part(warehouse, partial(findings.things, finding="x", with_persons=True)) == {
        "total": 0,
        "rows": [],
    }


def test_companies_that_planhat_lacks_are_listed_with_who_named_them(connection, warehouse):
    head = reading.part(warehouse, findings.quality)["unknown"]
    listed = reading.part(warehouse, findings.unknown_companies)

    assert head == {"total": 2, "events": 129}
    assert (listed["total"], listed["events"]) == (2, 129)
    assert [(row["company_key"], row["events"], row["users"]) for row in listed["rows"]] == [
        ("acme-new", 120, 7),
        ("globex", 9, 2),
    ]
    assert reading.part(warehouse, partial(findings.unknown_companies, offset=1))["rows"][0][
        "company_key"
    ] == ("globex")


def test_lateness_says_when_a_week_is_judged(connection, warehouse):
    found = reading.part(warehouse, findings.lateness)

    assert found["hours"] == 12
    assert [(row["source"], row["share_after_12h"]) for row in found["rows"]] == [
        ("app", 0.002),
        ("mobile", 0.2),
    ]


def proposed(warehouse) -> tuple[list[str], list[str]]:
    found = reading.part(warehouse, findings.proposals)
    return [row["alias"] for row in found["rows"]], [row["alias"] for row in found["dismissed"]]


def test_a_proposal_is_dismissed_kept_with_who_and_taken_back(connection, warehouse):
    assert proposed(warehouse) == (["acme-old", "twin"], [])

    for _ in range(2):
        dismiss_alias(warehouse, "twin", ACME, by="ada")

    assert proposed(warehouse) == (["acme-old"], ["twin"])
    (row,) = reading.part(warehouse, findings.proposals)["dismissed"]
    assert row["changed_by"] == "ada"
    propose_again(warehouse, "twin", ACME)
    assert proposed(warehouse) == (["acme-old", "twin"], [])
    with pytest.raises(ChangeError, match="No such proposal was dismissed"):
        propose_again(warehouse, "twin", ACME)


def test_what_is_not_proposed_is_not_dismissed(connection, warehouse):
    for alias, company in (("acme-old", "b" * 24), ("nobody", ACME)):
        with pytest.raises(ChangeError, match="No such alias is proposed"):
            dismiss_alias(warehouse, alias, company, by="ada")
    connection.execute("drop schema marts cascade")
    with pytest.raises(ChangeError, match="No such alias is proposed"):
        dismiss_alias(warehouse, "twin", ACME, by="ada")


def test_an_alias_that_was_set_is_proposed_no_more_before_the_next_build(connection, warehouse):
    alias_company(warehouse, "acme-old", ACME, by="ada")

    assert proposed(warehouse) == (["twin"], [])
