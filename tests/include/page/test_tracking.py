"""Section 1's figures, from the collector's books and the marts."""

from functools import partial

import psycopg
import pytest

from include.collector.sources import TENANT_TOKEN, add_key, add_source, rotate_key
from include.page import tracking
from include.warehouse import reading
from tests.include.page.world import add_intake, add_unresolved, make_marts
from tests.include.why.world import quarantine

REASONS = {
    "suppressed", "unsupported_type", "section_off", "blocked_identity", "no_identity",
    "unknown_company", "ambiguous_enduser", "no_company", "deleted_enduser", "unknown_enduser",
    "receipt",
}  # fmt: skip


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def test_what_a_source_sent_is_summed_and_a_silent_source_is_listed(warehouse, connection):
    add_intake(connection, "app", received=10, landed=7, duplicates=2, quarantined=1)
    connection.execute("insert into raw_segment.sources (source) values ('silent')")

    intake = reading.part(warehouse, tracking.intake)

    found = {row["source"]: row for row in intake["sources"]}
    assert found["app"]["received"] == 10
    assert (found["silent"]["received"], found["silent"]["last_hour"]) == (0, None)


def test_hours_longer_ago_than_the_days_named_are_not_counted(warehouse, connection):
    add_intake(connection, "app", received=10)
    connection.execute(
        "insert into raw_segment.intake (source, hour, received) "
        "values ('app', now() - interval '31 days', 5)"
    )

    intake = reading.part(warehouse, tracking.intake)

    assert (intake["days"], intake["sources"][0]["received"]) == (30, 10)


def test_switches_are_those_in_force_now(warehouse, connection):
    connection.execute(
        "insert into sync.switches (switch, is_on, valid_from, changed_by) values "
        "('auto_create', false, now() - interval '1 hour', 'operator'), "
        "('auto_create', true, now() + interval '1 hour', 'operator')"
    )

    found = reading.part(warehouse, tracking.intake)["switches"]

    assert found["auto_create"]["is_on"] is False
    assert found["user_tracking"]["is_on"] is True
    assert found["user_tracking"]["since"] is None


def test_a_sources_keys_are_told_by_kind_and_time_and_the_key_is_not(warehouse, connection):
    add_source(warehouse, "app")
    old = add_key(warehouse, "app", kind=TENANT_TOKEN)
    new = rotate_key(warehouse, "app", kind=TENANT_TOKEN)

    found = reading.part(warehouse, tracking.intake)

    (source,) = found["sources"]
    assert [(key["kind"], key["valid_to"] is None) for key in source["keys"]] == [
        ("tenant_token", True),
        ("tenant_token", False),
    ]
    assert old not in str(found)
    assert new not in str(found)


def test_unresolved_events_are_counted_by_reason_with_the_latest_sample(warehouse, connection):
    make_marts(connection)
    add_unresolved(connection, "no_company", 3, "older", "2026-03-01")
    add_unresolved(connection, "no_company", 4, "newer", "2026-03-02")
    add_unresolved(connection, "unknown_company", 9, "other", "2026-03-01")

    found = reading.part(warehouse, tracking.outcomes)

    assert found["unresolved"] == 16
    assert [(row["reason"], row["events"]) for row in found["reasons"]] == [
        ("unknown_company", 9),
        ("no_company", 7),
    ]
    assert found["reasons"][1]["sample_message_id"] == "newer"
    assert found["reasons"][1]["remedy"]
    assert found["as_of"] == "2026-03-02"
    assert found["daily"] == [
        {"day": "2026-03-01", "resolved": 0, "unresolved": 12},
        {"day": "2026-03-02", "resolved": 0, "unresolved": 4},
    ]


def test_the_events_of_a_reason_say_what_would_resolve_each(warehouse, connection):
    make_marts(connection)
    add_unresolved(connection, "unknown_company", 9, "m1", "2026-02-28", company_key="acme")
    add_unresolved(connection, "unknown_company", 2, "m0", "2026-03-01", company_key="acme")
    add_unresolved(connection, "unknown_company", 1, "m2", user_id="u", company_key="other")
    add_unresolved(connection, "no_company", 4, "m3", email="p@company.example")

    def ask(reason: str, **options):
        query = partial(tracking.unresolved, reason=reason, with_persons=True)
        return reading.part(warehouse, partial(query, **options))

    found = ask("unknown_company")

    assert found["total"] == 2
    assert [row["sample_message_id"] for row in found["rows"]] == ["m0", "m2"]
    assert [row["events"] for row in found["rows"]] == [11, 1]
    assert "external id “acme”" in found["rows"][0]["remedy"]
    assert [row["unresolved"] for row in found["daily"]] == [9, 2, 1]
    assert ask("unknown_company", offset=1)["rows"] == found["rows"][1:]
    assert ask("no_company")["rows"][0]["keys"] == {"email": "“p@company.example”"}
    hidden = ask("no_company", with_persons=False)
    assert "company.example" not in str(hidden)
    assert ask("of nobody")["rows"] == []


def test_a_reason_that_the_page_does_not_know_is_still_shown(warehouse, connection):
    make_marts(connection)
    add_unresolved(connection, "something_new", 1)

    listed = partial(tracking.unresolved, reason="something_new", with_persons=True)

    assert reading.part(warehouse, tracking.outcomes)["reasons"][0]["title"] == "something_new"
    assert reading.part(warehouse, listed)["rows"][0]["remedy"] == ""


def test_receipts_are_neither_resolved_nor_events(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.resolution_daily (day, reason, events) values "
        "('2026-03-01', null, 2), ('2026-03-02', 'no_company', 1), ('2026-03-03', 'receipt', 4)"
    )

    assert reading.part(warehouse, tracking.resolved) == {"events": 3, "resolved": 2}
    outcomes = reading.part(warehouse, tracking.outcomes)
    assert outcomes["as_of"] == "2026-03-02"
    assert outcomes["daily"] == [
        {"day": "2026-03-01", "resolved": 2, "unresolved": 0},
        {"day": "2026-03-02", "resolved": 0, "unresolved": 1},
    ]


def test_quarantined_calls_are_listed_and_their_payload_is_for_some(warehouse, connection):
    quarantine(warehouse, {"userId": "p@company.example"})
    quarantine(warehouse, {}, reason="missing_type", detail="no type")
    connection.execute(
        "insert into raw_segment.quarantine (source, reason, payload, replayed_at) "
        "values ('app', 'too_deep', '{}', now())"
    )

    told = reading.part(warehouse, partial(tracking.quarantine, with_payload=True))
    hidden = reading.part(warehouse, partial(tracking.quarantine, with_payload=False))

    assert told["total"] == 2
    assert [row["reason"] for row in told["rows"]] == ["missing_type", "too_large"]
    assert "p@company.example" in told["rows"][1]["payload"]
    assert "company.example" not in str(hidden)
    assert hidden["total"] == 2


def test_endusers_created_from_segment_are_counted_apart(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.endusers (enduser_id, origin) values "
        "('1', 'planhat'), ('2', 'segment'), ('3', 'planhat')"
    )

    assert reading.part(warehouse, tracking.endusers) == {"known": 3, "created": 1}


def test_those_who_never_said_who_they_are_share_a_row_that_says_where_to_look(
    warehouse, connection
):
    # the marts keep no anonymous id of theirs: nothing may be said of a call's own
    make_marts(connection)
    add_unresolved(connection, "no_identity", 9)

    query = partial(tracking.unresolved, reason="no_identity", with_persons=True)
    (row,) = reading.part(warehouse, query)["rows"]

    assert "the story of a call names it" in row["remedy"]
    assert "Nothing: it has no" not in row["remedy"]


def test_what_a_source_sent_is_told_day_by_day(warehouse, connection):
    add_intake(connection, "app", received=10, landed=7, duplicates=3)
    add_intake(connection, "other", received=5)

    found = reading.part(warehouse, partial(tracking.received, source="app"))

    assert [(row["received"], row["landed"]) for row in found["daily"]] == [(10, 7)]
    assert found["daily"][0]["day"] == found["as_of"]


def test_endusers_created_from_segment_are_listed_and_named_only_for_some(warehouse, connection):
    make_marts(connection)
    connection.execute("insert into marts.companies (company_id, name) values ('c1', 'Northwind')")
    connection.execute(
        "insert into marts.endusers values "
        "('1', 'planhat', 'c1', 'A', null, null, now()), "
        "('2', 'segment', 'c1', null, 'p@company.example', 'm2', '2026-03-01'), "
        "('3', 'segment', 'c1', 'B', null, 'm3', '2026-03-02')"
    )

    told = reading.part(
        warehouse, partial(tracking.listed_endusers, origin="segment", with_persons=True)
    )
    hidden = reading.part(
        warehouse, partial(tracking.listed_endusers, origin="segment", with_persons=False, offset=1)
    )

    assert [(row["enduser_id"], row["name"]) for row in told["rows"]] == [
        ("3", "B"),
        ("2", "p@company.example"),
    ]
    assert (told["rows"][0]["company"], told["rows"][0]["created_by_message_id"]) == (
        "Northwind",
        "m3",
    )
    assert (hidden["total"], hidden["rows"][0]["name"]) == (2, None)
