"""Faults on the wire, alone and mixed: the right objects on the other side, books that add up."""

import itertools
import random
from dataclasses import replace

import pytest

from include.push.sending import Patience
from tests.include.push.played_segment import (
    BUSY,
    LOST,
    OK,
    RESET,
    UNAVAILABLE,
    Answer,
    PlayedSegment,
    in_turn,
    refuses,
)
from tests.include.push.world import COMPANY, QUICK, World, of

ONE_CONNECTION = replace(QUICK, connections=1)
# Three of these make a batch of their own: the bytes decide.
LARGE = "x" * 30_000


@pytest.mark.parametrize(
    "fault",
    [
        UNAVAILABLE,
        Answer(503, takes=False),
        Answer(502),  # taken, and the answer was lost on the way
        Answer(408, takes=False),
        BUSY,
        RESET,
        LOST,
        Answer(delay=0.6),  # taken, too slow for us
    ],
    ids=["500", "503", "taken-502", "408", "429", "reset", "answer-lost", "slow"],
)
def test_a_fault_that_passes_costs_nothing(
    world: World, segment: PlayedSegment, fault: Answer
) -> None:
    world.fill("company", 30)
    segment.script = in_turn(fault, fault)
    impatient = replace(QUICK, patience=replace(QUICK.patience, timeout=0.3))
    report = world.push(segment.connection, options=impatient)
    assert (report.status, report.total("synced"), report.total("errors")) == ("success", 30, 0)
    assert len(segment.accepted) == len(segment.messages) == 30
    assert segment.posts == 3


def test_retry_after_is_waited_for_by_every_connection(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 20)
    world.run("update planhat.company set name = %s", [LARGE])
    segment.script = in_turn(BUSY)
    report = world.push(segment.connection)
    assert report.status == "success"
    # The pause is the other side's second, not our hundredths.
    assert report.seconds > 1


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_page_behind_a_redirect_has_not_taken_the_batch(
    world: World, segment: PlayedSegment, status: int
) -> None:
    world.fill("company", 10)
    elsewhere = f"{segment.connection.host}/a-page"
    segment.script = lambda number, batch: Answer(
        status, takes=False, headers={"Location": elsewhere}
    )
    report = world.push(segment.connection)
    assert (report.status, report.total("synced"), report.total("errors")) == ("failed", 0, 10)
    assert {code for _, _, code, _, _ in world.errors()} == {"redirected"}
    assert segment.messages == []


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_is_split_until_the_guilty_object_is_alone(
    world: World, segment: PlayedSegment, status: int
) -> None:
    world.fill("company", 100)
    guilty = refuses("c000042")
    segment.script = lambda number, batch: (
        replace(guilty(number, batch), status=status) if (guilty(number, batch) is not OK) else OK
    )
    report = world.push(segment.connection)
    assert report.status == "partial"
    assert (report.total("synced"), report.total("errors")) == (99, 1)
    assert world.errors() == [("company", "c000042", f"http_{status}", 1, False)]
    assert len(segment.accepted) == 99


def test_a_failed_object_is_tried_again_with_fresh_data_and_its_age_is_kept(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 10)
    segment.script = refuses("c000003")
    world.push(segment.connection)
    assert world.push(segment.connection).total("errors") == 1
    world.put("company", "c000003", name="Fresh")
    segment.script = lambda number, batch: OK
    report = world.push(segment.connection)
    assert (report.status, report.total("synced")) == ("success", 1)
    assert segment.sent_values("name")["c000003"] == "Fresh"
    assert world.errors() == [
        ("company", "c000003", "http_400", 1, True),
        ("company", "c000003", "http_400", 2, True),
    ]
    ages = world.run("select count(distinct first_failed_at) from sync.run_errors")
    assert ages == [(1,)]


def test_an_object_that_the_collector_quarantines_is_an_error_and_its_neighbours_are_not(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 5)
    segment.script = lambda number, batch: Answer(
        body={"success": True, "accepted": 4, "quarantined": [{"index": 2, "reason": "too odd"}]}
    )
    report = world.push(segment.connection, options=ONE_CONNECTION)
    assert (report.total("synced"), report.total("errors")) == (4, 1)
    assert world.errors() == [("company", "c000003", "quarantined", 1, False)]


def test_a_wrong_key_stops_at_once_and_says_so(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 50)
    world.run("update planhat.company set name = %s", [LARGE])
    segment.script = lambda number, batch: Answer(401, takes=False)
    report = world.push(segment.connection, options=ONE_CONNECTION)
    company = of(report, "company")
    assert report.status == "failed"
    assert company.reason is not None
    assert "401" in company.reason
    assert segment.posts == 1
    assert company.synced == 0
    assert company.errors + company.not_sent == 50
    assert company.not_sent > 0


def test_nobody_there_ends_in_time_and_everything_goes_the_next_time(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 200)
    world.run("update planhat.company set name = %s", [LARGE])
    segment.script = lambda number, batch: UNAVAILABLE
    report = world.push(segment.connection, options=ONE_CONNECTION)
    assert report.status == "failed"
    assert report.total("errors") + report.total("not_sent") == 200
    assert report.total("not_sent") > 100
    assert report.exit_code == 1
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == 200
    assert len(segment.messages) == 200


def test_an_answer_that_never_came_leaves_the_same_message_id_for_the_next_run(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", name="A")
    segment.script = lambda number, batch: LOST
    report = world.push(segment.connection)
    assert (report.status, report.total("errors")) == ("failed", 1)
    assert world.ledger("c1")["sent_version"] == 1
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == 1
    assert len(segment.messages) == 1
    assert world.ledger("c1")["sent_version"] is None


def test_an_object_that_changed_back_after_an_unknown_send_goes_with_a_higher_version(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", name="A")
    world.push(segment.connection)
    world.put("company", "c1", name="B")
    segment.script = lambda number, batch: LOST
    world.push(segment.connection)
    world.put("company", "c1", name="A")
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == 1
    assert [each["traits"]["name"] for each in segment.messages] == ["A", "B", "A"]
    assert world.ledger("c1")["version"] == 3
    assert world.push(segment.connection).total("planned") == 0


def test_an_object_sent_with_an_unknown_outcome_and_then_gone_is_removed(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c2", name="stays")
    world.push(segment.connection)
    world.put("company", "c1", external_id="acme", name="A")
    segment.script = lambda number, batch: LOST
    world.push(segment.connection)
    world.drop("company", "c1")
    assert of(world.push(segment.connection), "company").removed == 1
    segment.script = lambda number, batch: OK
    report = world.push(segment.connection)
    assert (of(report, "company").removed, report.total("synced")) == (1, 1)
    assert segment.latest()["c1"]["properties"]["external_id"] == "acme"
    assert world.push(segment.connection).total("planned") == 0


def test_batches_stay_within_all_three_limits(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 6_000)
    world.run("update planhat.company set name = %s where object_id < 'c000100'", [LARGE])
    # Every character of this is six when it travels.
    world.run("update planhat.company set name = %s where object_id > 'c005900'", ["é" * 5_000])
    report = world.push(segment.connection)
    assert (report.status, report.total("synced")) == ("success", 6_000)
    assert segment.refusals == []
    assert segment.posts > 10


@pytest.mark.parametrize("seed", range(8))
def test_any_mixture_of_faults_ends_with_exactly_the_right_objects(
    world: World, segment: PlayedSegment, seed: int
) -> None:
    chance = random.Random(seed)
    world.fill("company", 300)
    world.run("update planhat.company set name = left(%s, 4000) || object_id", [LARGE])
    guilty = {f"c{chance.randint(1, 300):06}" for _ in range(3)}
    bad = refuses(*guilty)
    faults = [UNAVAILABLE, RESET, LOST, Answer(502), Answer(429, takes=False), OK, OK, OK]

    def script(number: int, batch: list[dict]) -> Answer:
        fault = chance.choice(faults)
        return bad(number, batch) if fault is OK or bad(number, batch) is not OK else fault

    segment.script = script
    booked = 0
    for _ in range(3):
        report = world.push(segment.connection)
        assert "books" not in (report.reason or "")
        booked += report.total("synced")
    segment.script = bad
    report = world.push(segment.connection)
    assert report.total("errors") == len(guilty)
    assert booked + report.total("synced") == 300 - len(guilty)
    expected = {f"c{number:06}" for number in range(1, 301)} - guilty
    assert set(segment.latest()) == expected
    # One version each: nothing changed, so nothing was sent under a second id.
    assert len(segment.messages) == len(expected)
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == len(guilty)
    assert world.run("select count(*) from sync.objects where sent_version is not null") == [(0,)]


def test_other_models_go_on_when_one_has_no_table(world: World, segment: PlayedSegment) -> None:
    world.model("workspace", {**COMPANY, "call": "track", "event": "Workspace Updated"})
    world.fill("company", 3)
    world.run("drop table planhat.workspace")
    report = world.push(segment.connection)
    assert report.status == "partial"
    assert of(report, "company").synced == 3
    assert "planhat.workspace" in (of(report, "workspace").reason or "")


def test_order_within_one_object_is_kept_over_many_runs(
    world: World, segment: PlayedSegment
) -> None:
    chance = random.Random(1)
    segment.script = lambda number, batch: chance.choice([OK, LOST, UNAVAILABLE])
    patient = replace(QUICK, patience=Patience(attempts=30, first_wait=0.001, longest_wait=0.01))
    for number in itertools.chain(range(10)):
        world.put("company", "c1", name=str(number))
        assert world.push(segment.connection, options=patient).status == "success"
    assert [each["traits"]["name"] for each in segment.messages] == [str(n) for n in range(10)]


def test_a_limited_push_arrives_whole_after_being_told_to_wait(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 50)
    segment.script = in_turn(BUSY)
    report = world.push(segment.connection, options=replace(QUICK, rate=5_000.0))
    assert (report.status, report.total("synced"), len(segment.messages)) == ("success", 50, 50)
