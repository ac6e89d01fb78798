"""Section 1's figures, from the collector's books and the marts."""

import psycopg
import pytest

from include.page import reading, tracking
from tests.include.page.world import add_intake, make_marts

# domain.md 3.6, and our own calls seen back (3.11)
REASONS = {
    "suppressed", "unsupported_type", "section_off", "blocked_identity", "no_identity",
    "unknown_company", "ambiguous_enduser", "no_company", "deleted_enduser", "unknown_enduser",
    "receipt",
}  # fmt: skip


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def test_every_reason_has_words_and_no_reason_is_invented():
    assert set(tracking.REASONS) == REASONS
    for title, meaning, remedy in tracking.REASONS.values():
        assert title
        assert meaning.endswith(".")
        assert remedy.endswith(".")


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


def test_unresolved_events_are_counted_by_reason_with_the_latest_sample(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.unresolved_daily values "
        "('no_company', 3, '2026-03-01', '2026-03-01', 'older'), "
        "('no_company', 4, '2026-03-02', '2026-03-02', 'newer'), "
        "('unknown_company', 9, '2026-03-01', '2026-03-01', 'other')"
    )

    found = reading.part(warehouse, tracking.outcomes)

    assert found["unresolved"] == 16
    assert [(row["reason"], row["events"]) for row in found["reasons"]] == [
        ("unknown_company", 9),
        ("no_company", 7),
    ]
    assert found["reasons"][1]["sample_message_id"] == "newer"
    assert found["reasons"][1]["remedy"]


def test_a_reason_that_the_page_does_not_know_is_still_shown(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.unresolved_daily values "
        "('something_new', 1, '2026-03-01', '2026-03-01', 'm')"
    )

    assert reading.part(warehouse, tracking.outcomes)["reasons"][0]["title"] == "something_new"


def test_receipts_are_neither_resolved_nor_events(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.event_resolution values "
        "('1', null), ('2', null), ('3', 'no_company'), ('4', 'receipt')"
    )

    assert reading.part(warehouse, tracking.resolved) == {"events": 3, "resolved": 2}


def test_endusers_created_from_segment_are_counted_apart(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.endusers (enduser_id, origin) values "
        "('1', 'planhat'), ('2', 'segment'), ('3', 'planhat')"
    )

    assert reading.part(warehouse, tracking.endusers) == {"known": 3, "created": 1}
