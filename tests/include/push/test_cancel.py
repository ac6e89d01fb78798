"""Stopping a run whatever it is at, and taking a stopped resync back.

Nothing here is timed: where a run did not stop, what it waits for would never come.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from include.errors import BusyError
from include.push.cancel import CancelledError, cancel_run, stop_before_plan
from include.push.ledger import ClaimLostError
from include.push.report import check_books
from include.push.resync import take_back
from include.push.runs import Claim, active_run, queue_run
from include.push.steps import deliver_model, finish_run, open_run, plan_run
from tests.include.push.played_segment import OK, Answer, PlayedSegment
from tests.include.push.world import LICENSE, QUICK, World, of

# Far longer than any test: who waits for it has not stopped.
FOR_EVER = 3_600.0
PATIENT = replace(QUICK, patience=replace(QUICK.patience, timeout=FOR_EVER, asked_wait=FOR_EVER))


class Silence:
    """A script of Segment that answers nothing until it is told to."""

    def __init__(self, takes: bool = True) -> None:
        self.asked = threading.Event()
        self.told = threading.Event()
        self.answer = Answer(takes=takes)

    def __call__(self, number: int, batch: list[dict]) -> Answer:
        self.asked.set()
        self.told.wait()
        return self.answer


@contextmanager
def pushing(world: World, segment: PlayedSegment, **options: Any) -> Iterator[Future]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(world.push, segment.connection, **options)


def cancel_active(world: World, segment: PlayedSegment) -> int:
    active = active_run(world.url, segment.connection)
    assert active is not None
    assert cancel_run(world.url, active.run_id, "an operator")
    return active.run_id


def test_a_run_that_waits_for_an_answer_stops_without_it(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 30)
    silence = segment.script = Silence()
    with pushing(world, segment, options=PATIENT) as run:
        assert silence.asked.wait(60)
        run_id = cancel_active(world, segment)
        report = run.result(60)
        silence.told.set()
    assert (report.status, report.reason) == ("cancelled", "cancelled by an operator")
    # Nobody knows what became of the batch on its way: it goes again under the same ids.
    assert (report.total("errors"), report.total("synced")) == (30, 0)
    assert {code for _, _, code, _, _ in world.errors()} == {"outcome_unknown"}
    with psycopg.connect(world.url) as connection:
        assert check_books(connection, run_id) is None
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == 30
    assert len(segment.accepted) == 30


def test_a_run_that_was_told_to_wait_stops_and_sends_nothing_more(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 30)
    asked = threading.Event()

    def busy(number: int, batch: list[dict]) -> Answer:
        asked.set()
        return Answer(429, takes=False, headers={"Retry-After": "250"})

    segment.script = busy
    with pushing(world, segment, options=PATIENT) as run:
        assert asked.wait(60)
        cancel_active(world, segment)
        report = run.result(60)
    assert report.status == "cancelled"
    assert (segment.posts, segment.messages) == (1, [])


def test_a_plan_is_broken_off(world: World, segment: PlayedSegment) -> None:
    world.model("license", LICENSE)
    world.fill("company", 3)
    world.put("license", "l1")
    planning = threading.Event()

    def say(line: str) -> None:
        if line.startswith("company:"):
            planning.set()

    with psycopg.connect(world.url) as other:
        # The plan of license waits for it.
        other.execute("lock table planhat.license in access exclusive mode")
        with pushing(world, segment, say=say) as run:
            assert planning.wait(60)
            cancel_active(world, segment)
            report = run.result(60)
    assert (report.status, report.reason) == ("cancelled", "cancelled by an operator")
    assert (report.total("synced"), of(report, "company").not_sent) == (0, 3)
    assert segment.posts == 0
    assert world.push(segment.connection).total("synced") == 4


def opened(world: World, segment: PlayedSegment) -> tuple[int, list[dict]]:
    run_id = open_run(
        world.url, segment.connection, trigger="schedule", requested_by="airflow", owner="a dag run"
    )
    options: dict = {"say": lambda line: None, "folder": world.folder}
    return run_id, plan_run(world.url, world.settings, run_id, **options)


def deliver(world: World, segment: PlayedSegment, run_id: int, **part: Any) -> dict:
    return deliver_model(
        world.url, segment.connection, run_id, **part, say=lambda line: None, options=PATIENT
    )


def test_between_two_tasks_a_run_ends_at_once_and_no_task_works_for_it_any_more(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 3)
    run_id, (part,) = opened(world, segment)
    cancel_active(world, segment)
    assert world.run("select status from sync.runs") == [("cancelled",)]
    with pytest.raises(ClaimLostError):
        deliver(world, segment, run_id, **part)
    with pytest.raises(ClaimLostError):
        plan_run(world.url, world.settings, run_id, folder=world.folder)
    report = finish_run(world.url, run_id, say=lambda line: None)
    assert (report.status, report.total("not_sent")) == ("cancelled", 3)
    assert segment.posts == 0
    assert not cancel_run(world.url, run_id, "somebody else")


def test_of_several_workers_the_last_one_ends_the_run(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 60)
    run_id, _ = opened(world, segment)
    silence = segment.script = Silence(takes=False)
    with ThreadPoolExecutor(3) as pool:
        workers = [
            pool.submit(deliver, world, segment, run_id, model="company", first=first, last=last)
            for first, last in ((1, 20), (21, 40), (41, 60))
        ]
        assert silence.asked.wait(60)
        cancel_active(world, segment)
        for worker in workers:
            with pytest.raises(ClaimLostError):
                worker.result(60)
        silence.told.set()
    report = finish_run(world.url, run_id, say=lambda line: None)
    assert (report.status, report.reason) == ("cancelled", "cancelled by an operator")
    assert report.total("errors") + report.total("not_sent") == 60
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == 60
    assert len(segment.accepted) == 60


def test_a_worker_says_who_cancelled(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 3)
    run_id, (part,) = opened(world, segment)

    def cancel_at_first(number: int, batch: list[dict]) -> Answer:
        assert cancel_run(world.url, run_id, "jo")
        return Answer(503, takes=False, headers={"Retry-After": "250"})

    segment.script = cancel_at_first
    with pytest.raises(CancelledError, match=f"Run {run_id} was cancelled by jo"):
        deliver(world, segment, run_id, **part)
    assert world.run("select status from sync.runs") == [("cancelled",)]


def test_a_run_whose_worker_died_after_it_was_asked_ends_when_it_is_asked_again(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 3)
    run_id, _ = opened(world, segment)
    with Claim(world.url, run_id):
        assert cancel_run(world.url, run_id, "jo")
        assert not cancel_run(world.url, run_id, "ada")
        assert world.run("select status from sync.runs") == [("running",)]
    assert cancel_run(world.url, run_id, "ada")
    assert world.run("select status, reason from sync.runs") == [("cancelled", "cancelled by jo")]


def test_a_reservation_is_cancelled(world: World, segment: PlayedSegment) -> None:
    run_id = queue_run(world.url, segment.connection, trigger="button", requested_by="jo")
    assert cancel_run(world.url, run_id, "jo")
    assert active_run(world.url, segment.connection) is None


def test_a_resync_that_was_stopped_goes_on_says_so_and_can_be_taken_back(
    world: World, segment: PlayedSegment
) -> None:
    world.model("license", LICENSE)
    world.fill("company", 10)
    world.put("license", "l1")
    world.push(segment.connection)
    assert take_back(world.url, segment.connection, "jo") == []

    world.push(segment.connection, full=True, limit=4, models=["company"], requested_by="ada")
    for plan in (
        world.push(segment.connection, dry_run=True),
        # also where the model is not the one
        world.push(segment.connection, dry_run=True, models=["license"]),
        world.push(segment.connection, limit=1),
    ):
        (remark,) = plan.remarks
        assert remark.startswith("a full resync that ada asked for at ")
        assert "goes on, changed or not: 6 of company to be sent" in remark
        assert "`make cancel RESYNC=1`, or the page, takes it back" in plan.table()

    opened(world, segment)
    with pytest.raises(BusyError, match="A push is active"):
        take_back(world.url, segment.connection, "jo")
    cancel_active(world, segment)
    taken = take_back(world.url, segment.connection, "jo")
    assert [(each.model, each.left) for each in taken] == [("company", 5)]
    report = world.push(segment.connection)
    assert (report.total("planned"), report.remarks) == (0, [])

    # What it had not come to goes when it changes, and the next resync is of everything.
    world.put("company", "c000010", name="changed")
    assert world.push(segment.connection).total("synced") == 1
    report = world.push(segment.connection, full=True)
    assert (report.total("synced"), report.remarks) == (11, [])
    assert segment.repeats == 0
    assert world.push(segment.connection, full=True).total("synced") == 11


def test_a_resync_that_came_to_its_end_is_not_looked_for_again(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 3)
    world.push(segment.connection)
    world.push(segment.connection, full=True, limit=2)
    assert world.run("select completed_at is null from sync.resyncs") == [(True,)]
    world.push(segment.connection)
    assert world.run("select completed_at is null from sync.resyncs") == [(False,)]
    assert take_back(world.url, segment.connection, "jo") == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_push_that_was_stopped_while_its_warehouse_was_built_plans_nothing(
    world: World, segment: PlayedSegment, dry_run: bool
) -> None:
    world.fill("company", 3)
    for who in ("an operator", "another"):
        stop_before_plan(world.url, "button__1", who)

    run_id = open_run(
        world.url, segment.connection, trigger="button", requested_by="ada", owner="button__1",
        dry_run=dry_run,
    )  # fmt: skip
    with pytest.raises(CancelledError, match="cancelled by an operator"):
        plan_run(world.url, world.settings, run_id, folder=world.folder)

    report = finish_run(world.url, run_id)
    assert (report.status, report.reason) == ("cancelled", "cancelled by an operator")
    assert world.run("select count(*) from sync.planned") == [(0,)]
    assert segment.messages == []
    # the next one is another, also when Airflow runs the same tasks again
    assert world.run("select count(*) from sync.stop_requests") == [(0,)]
    assert world.push(segment.connection).total("synced") == 3


def test_a_push_that_has_come_to_its_run_when_it_is_stopped_is_cancelled(
    world: World, segment: PlayedSegment
) -> None:
    run_id = open_run(
        world.url, segment.connection, trigger="button", requested_by="ada", owner="button__1"
    )

    stop_before_plan(world.url, "button__1", "an operator")

    assert world.run(f"select status, reason from sync.runs where run_id = {run_id}") == [
        ("cancelled", "cancelled by an operator")
    ]
