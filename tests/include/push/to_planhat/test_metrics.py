"""Metrics: a LAST by its value, a SUM by its difference, and nothing twice."""

from datetime import date

import pytest

from include.played_planhat.faults import Fault
from tests.include.push.to_planhat.world import DAY, World, counts

NUMBER = (date.fromisoformat(DAY) - date(1970, 1, 1)).days


def test_a_sum_is_sent_by_its_difference_and_a_last_by_its_value(world: World):
    world.value(0, 5, "SUM")
    world.value(0, 5, "LAST")
    world.value(1, 0.1, "SUM")
    assert counts(world.push(), "metric") == {"considered": 3, "added": 3, "synced": 3}
    world.value(0, 7, "SUM")
    world.value(0, 7, "LAST")
    world.value(1, 0.3, "SUM")
    report = world.push()
    assert counts(report, "metric") == {"considered": 3, "changed": 3, "synced": 3}

    acme, other, _ = world.companies
    assert world.metric("sum", acme) == world.metric("last", acme) == {NUMBER: 7}
    assert world.metric("sum", other) == {NUMBER: pytest.approx(0.3)}
    sent = [
        item["value"]
        for asked in world.played.requests.of("POST", "dimensiondata")
        for item in asked.body
    ]
    assert sorted(sent[-3:]) == [0.2, 2, 7]
    assert world.run("select count(*) from sync.objects where seen_back_at is null") == [(0,)]
    # nothing changed: nothing is sent
    world.played.requests.all.clear()
    assert counts(world.push(), "metric") == {"considered": 3, "unchanged": 3}
    assert world.played.requests.of("POST", "dimensiondata") == []


def test_a_late_event_sends_the_past_day_that_it_changes_and_no_other(world: World):
    world.value(0, 1, day="2026-03-01")
    world.value(0, 2, day="2026-03-02")
    world.push()
    world.played.requests.all.clear()
    world.value(0, 3, day="2026-03-01")
    assert counts(world.push(), "metric")["synced"] == 1
    (asked,) = world.played.requests.of("POST", "dimensiondata")
    assert [(item["date"], item["value"]) for item in asked.body] == [("2026-03-01", 2)]


@pytest.mark.parametrize("kind", ["lost", "cut", "half", "error", "reset", "throttle", "page"])
def test_a_sum_whose_answer_was_lost_is_read_back_before_it_is_sent_again(world: World, kind: str):
    world.value(0, 5)
    world.push()
    world.settle_at_once()
    world.value(0, 8)
    world.played.faults.waiting = [Fault(kind, "POST", "dimensiondata")]  # type: ignore[arg-type]
    for _ in range(3):
        report = world.push()
    assert report.status == "success"
    assert counts(report, "metric") == {"considered": 1, "unchanged": 1}
    assert world.metric("sum", world.companies[0]) == {NUMBER: 8}


@pytest.mark.parametrize("then", ["refused", "silent"])
def test_a_last_value_that_may_have_arrived_is_not_taken_for_refused(world: World, then: str):
    world.value(0, 1, "LAST")
    world.push()
    lost = Fault("lost", "POST", "dimensiondata", times=1 if then == "refused" else 99)
    world.played.faults.waiting = [lost]
    token, posts = world.played.tenant_token, []

    def forget_the_token(method: str, path: str) -> None:
        posts.append(path)
        if method == "POST" and posts.count(path) == 2:
            world.played.tenant_token = "another"

    world.played.switches = world.played.switches.turned(sink_checks_tenant=True)
    world.played.faults.meanwhile = forget_the_token if then == "refused" else None
    world.value(0, 2, "LAST")
    failed = world.push()
    assert failed.status == "failed"
    assert world.metric("last", world.companies[0]) == {NUMBER: 2}

    # what we would have it be is what the ledger knew before
    world.played.tenant_token, world.played.faults.meanwhile = token, None
    world.played.faults.waiting = []
    world.value(0, 1, "LAST")
    assert counts(world.push(), "metric")["synced"] == 1
    assert world.metric("last", world.companies[0]) == {NUMBER: 1}


def test_a_sum_of_unknown_outcome_waits_while_the_sink_may_still_apply_it(world: World):
    world.played.switches = world.played.switches.turned(sink_delay=None)
    world.value(0, 5)
    world.played.faults.waiting = [Fault("lost", "POST", "dimensiondata")]
    assert world.push().status == "failed"
    waiting = world.push()
    assert (waiting.status, counts(waiting, "metric")) == (
        "success", {"considered": 1, "waiting": 1},
    )  # fmt: skip
    assert world.left_out(waiting) == {f"Company 0 {DAY} SUM": "outcome_unknown"}

    world.played.sinks.settle()
    assert counts(world.push(), "metric") == {"considered": 1, "unchanged": 1}
    assert world.metric("sum", world.companies[0]) == {NUMBER: 5}


def test_what_a_sink_drops_after_its_200_goes_again_when_it_must_be_there(world: World):
    world.played.switches = world.played.switches.turned(sink_drops=2)
    for company in range(3):
        world.value(company, 5)
    assert counts(world.push(), "metric")["synced"] == 3
    world.played.switches = world.played.switches.turned(sink_drops=None)
    assert counts(world.push(), "metric") == {"considered": 3, "unchanged": 3}
    world.settle_at_once()
    assert counts(world.push(), "metric") == {
        "considered": 3, "added": 1, "unchanged": 2, "synced": 1,
    }  # fmt: skip
    assert [world.metric("sum", each) for each in world.companies] == [{NUMBER: 5}] * 3


def test_what_planhat_has_instead_is_said_and_left_alone(world: World):
    world.value(0, 5)
    world.push()
    world.run("update sync.objects set seen_back_at = null")
    key = ("sum", world.companies[0], NUMBER)
    world.played.sinks.metrics[key]["value"] = 50
    for _ in range(2):
        assert counts(world.push(), "metric") == {"considered": 1, "unchanged": 1}
    assert world.run("select stored_otherwise, seen_back_at from sync.objects") == [
        ({"value": 50}, None)
    ]


def test_what_is_written_wrong_says_why_and_costs_no_neighbour(world: World):
    world.value(0, 5)
    world.value(1, 6, dimension="has a space")
    world.value(2, 7, withheld="no_external_id")
    report = world.push()
    assert counts(report, "metric") == {
        "considered": 3, "added": 2, "withheld": 1, "synced": 1, "errors": 1,
    }  # fmt: skip
    assert world.errors(report) == {f"Company 1 {DAY} SUM": "refused"}
    assert world.metric("sum", world.companies[0]) == {NUMBER: 5}


def test_a_metric_with_a_tenants_token_that_is_none_is_never_a_receipt(world: World):
    world.played.tenant_token = "00000000-0000-4000-8000-00000000000f"
    world.value(0, 5)
    try:
        assert counts(world.push(), "metric")["synced"] == 1
        assert world.run("select count(*) from sync.objects where seen_back_at is null") == [(1,)]
    finally:
        world.played.tenant_token = world.to.sink_token
