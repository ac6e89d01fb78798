"""Section 3's figures, from runs as the push keeps them."""

from datetime import timedelta

import psycopg
import pytest

from include.page import runs
from include.warehouse import reading
from tests.include.page.world import (
    HOSTILE,
    NOON,
    add_active_run,
    add_error,
    add_run,
)


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def ask(warehouse, function, *values, **more):
    with reading.read_only(warehouse) as connection:
        return reading.plain(function(connection, *values, **more))


def test_what_a_plan_warned_of_is_told_with_its_run(warehouse, connection):
    run_id = add_run(connection, models={"company": {"synced": 1}})
    other = add_run(connection, models={"company": {"synced": 1}})
    connection.cursor().executemany(
        "insert into sync.plan_warnings (run_id, model, position, warning) values (%s, %s, %s, %s)",
        [
            (run_id, "license", 1, HOSTILE["long"]),
            (run_id, "company", 2, HOSTILE["markup"]),
            (run_id, "company", 1, "two keys will be one column"),
        ],
    )

    told = ask(warehouse, runs.one_run, str(run_id))["warnings"]

    assert [each["model"] for each in told] == ["company", "company", "license"]
    assert told[0]["warning"] == "two keys will be one column"
    assert told[1]["warning"] == HOSTILE["markup"]
    assert len(told[2]["warning"]) < 1_100
    assert ask(warehouse, runs.one_run, str(other))["warnings"] == []


def test_before_the_first_push_there_is_nothing_and_no_error(warehouse):
    assert ask(warehouse, runs.active) is None
    assert ask(warehouse, runs.last_finished) is None
    assert ask(warehouse, runs.history) == []


def test_the_last_sync_has_a_row_for_each_model_and_their_sums(warehouse, connection):
    add_run(
        connection,
        "partial",
        models={
            "company": {"considered": 40, "unchanged": 30, "added": 10, "synced": 10},
            "enduser": {"considered": 9, "changed": 6, "removed": 2, "synced": 5, "errors": 3},
        },
        reason="3 objects failed",
    )

    last = ask(warehouse, runs.last_finished)

    assert (last["status"], last["seconds"], last["reason"]) == ("partial", 95, "3 objects failed")
    assert [model["model"] for model in last["models"]] == ["company", "enduser"]
    assert last["models"][1]["errors"] == 3
    assert last["totals"] | {"synced": 15, "errors": 3, "considered": 49} == last["totals"]


def test_neither_a_dry_run_nor_a_run_in_progress_is_the_last_sync(warehouse, connection):
    kept = add_run(connection, "success")
    add_run(connection, "dry_run", is_dry=True, started_at=NOON + timedelta(hours=1))
    add_active_run(connection)

    assert ask(warehouse, runs.last_finished)["run_id"] == kept


def test_a_run_in_progress_says_its_model_and_how_far_it_is(warehouse, connection):
    add_active_run(connection)

    run = ask(warehouse, runs.active)

    # 40 companies have ended, 21 of 60 endusers are in batches that were answered
    assert (run["model"], run["percent"]) == ("enduser", 61)
    assert (run["requested_by"], run["trigger"]) == ("operator", "button")


def test_a_run_that_has_not_planned_yet_has_no_percentage(warehouse, connection):
    from datetime import UTC, datetime

    add_run(connection, "running", started_at=datetime.now(UTC), seconds=None, planned_at=None)

    run = ask(warehouse, runs.active)

    assert (run["model"], run["percent"], run["planned_at"]) == (None, None, None)


def test_a_run_whose_owner_died_is_not_active_and_is_shown_as_dead(warehouse, connection):
    add_run(connection, "running", seconds=None)  # its lease ended long ago

    assert ask(warehouse, runs.active) is None
    assert [run["is_dead"] for run in ask(warehouse, runs.history)] == [True]


def test_the_history_is_newest_first_with_sums_and_in_pages(warehouse, connection):
    for day in range(3):
        add_run(
            connection,
            started_at=NOON + timedelta(days=day),
            models={"company": {"synced": day}, "enduser": {"synced": 10}},
        )

    found = ask(warehouse, runs.history, limit=2)

    assert [run["synced"] for run in found] == [12, 11]
    assert [run["synced"] for run in ask(warehouse, runs.history, limit=2, offset=2)] == [10]


def test_errors_open_with_code_message_and_attempts(warehouse, connection):
    run_id = add_run(connection, "partial")
    add_error(connection, run_id, object_id="b")
    add_error(connection, run_id, object_id="a")
    add_error(connection, run_id, model="company", object_id="c")

    found = ask(warehouse, runs.errors, str(run_id), model="enduser", with_payload=False)

    assert found["total"] == 2
    assert [row["object_id"] for row in found["rows"]] == ["a", "b"]
    assert found["rows"][0] | {"code": "too_large", "attempts": 3} == found["rows"][0]


def test_a_payload_is_read_only_for_who_may_see_it(warehouse, connection):
    run_id = add_run(connection, "partial")
    add_error(connection, run_id, payload={"email": "person@company.example"})

    hidden = ask(warehouse, runs.errors, str(run_id), model=None, with_payload=False)
    shown = ask(warehouse, runs.errors, str(run_id), model=None, with_payload=True)

    assert hidden["rows"][0]["payload"] is None
    assert shown["rows"][0]["payload"] == {"email": "person@company.example"}


def test_errors_come_in_pages_that_leave_none_out(warehouse, connection):
    run_id = add_run(connection, "partial")
    for number in range(runs.ERRORS_A_PAGE + 7):
        add_error(connection, run_id, object_id=f"{number:04}")

    seen = []
    for offset in (0, runs.ERRORS_A_PAGE):
        page = ask(
            warehouse, runs.errors, str(run_id), model=None, with_payload=False, offset=offset
        )
        seen += [row["object_id"] for row in page["rows"]]

    assert seen == [f"{number:04}" for number in range(runs.ERRORS_A_PAGE + 7)]
    assert page["total"] == runs.ERRORS_A_PAGE + 7


def test_a_hostile_message_comes_unchanged_but_short(warehouse, connection):
    run_id = add_run(connection, "partial")
    for name, text in HOSTILE.items():
        add_error(connection, run_id, object_id=name, message=text)

    found = ask(warehouse, runs.errors, str(run_id), model=None, with_payload=False)

    messages = {row["object_id"]: row["message"] for row in found["rows"]}
    assert messages["markup"] == HOSTILE["markup"]
    assert len(messages["long"]) < 1_100
    assert messages["long"].endswith("(9,000 more characters)")


def test_a_run_id_that_is_no_number_finds_nothing(warehouse):
    assert ask(warehouse, runs.one_run, "1 or true") is None
    assert ask(warehouse, runs.errors, "x", model=None, with_payload=True)["total"] == 0


def test_a_run_is_found_by_the_dag_run_that_made_it(warehouse, connection):
    kept = add_run(connection, owner="manual__2026-03-02T12:00:00+00:00")

    assert ask(warehouse, runs.one_run, "manual__2026-03-02T12:00:00+00:00")["run_id"] == kept
    assert ask(warehouse, runs.one_run, "manual__of nobody") is None


def test_what_was_acknowledged_is_listed_of_one_model_or_all_come_back_or_not(
    warehouse, connection
):
    connection.execute(
        "insert into sync.objects (destination, model, object_id, acknowledged_at, seen_back_at) "
        "values ('a#1', 'company', '1', '2026-03-01', '2026-03-01'), "
        "('a#1', 'company', '2', '2026-03-02', null), ('a#1', 'nps', '3', '2026-03-02', null), "
        "('a#1', 'nps', '4', null, null), ('b#1', 'nps', '5', '2026-03-02', null)"
    )

    def listed(model, which):
        found = ask(warehouse, runs.acknowledged, "a#1", model, which=which)
        assert found["total"] == len(found["rows"])
        return [(row["model"], row["object_id"]) for row in found["rows"]]

    assert listed(None, "all") == [("company", "1"), ("company", "2"), ("nps", "3")]
    assert listed(None, "missing") == [("company", "2"), ("nps", "3")]
    assert listed("company", "seen_back") == [("company", "1")]
    assert listed("nps", "seen_back") == []


def test_receipts_are_counted_per_destination_and_model(warehouse, connection):
    connection.execute(
        "insert into sync.objects (destination, model, object_id, acknowledged_at, seen_back_at) "
        "values ('a#1', 'company', '1', '2026-03-01', '2026-03-01'), "
        "('a#1', 'company', '2', '2026-03-02', null), ('a#1', 'nps', '3', null, null)"
    )

    (row,) = ask(warehouse, runs.receipts)["rows"]

    assert (row["host"], row["model"]) == ("a", "company")
    assert (row["acknowledged"], row["seen_back"], row["missing"]) == (2, 1, 1)
    assert row["oldest_missing_at"].startswith("2026-03-02")


def test_a_push_to_planhat_is_none_of_segments(warehouse: str) -> None:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "insert into sync.destinations (destination, kind, address)"
            " values ('api.planhat.com#1', 'planhat', 'https://api.planhat.com')"
        )
        connection.execute(
            "insert into sync.runs (destination, trigger, requested_by, status, lease_until,"
            " finished_at) values"
            " ('api.planhat.com#1', 'schedule', 'the schedule', 'running', 'infinity', null),"
            " ('api.planhat.com#1', 'schedule', 'the schedule', 'success', now(), now())"
        )
    assert ask(warehouse, runs.active) is None
    assert ask(warehouse, runs.last_finished) is None
    assert ask(warehouse, runs.history) == []
