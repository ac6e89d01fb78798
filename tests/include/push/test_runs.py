"""Who may push, and what becomes of a run whose owner is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from include.errors import BusyError, ProblemError, ServiceError
from include.push import ledger, runs
from include.push.cancel import cancel_run
from include.push.ledger import ClaimLostError, Range
from include.push.runs import active_run, close_run, queue_run, trigger_of
from include.push.steps import deliver_model, finish_run, open_run, plan_run
from tests.include.push.played_segment import OK, Answer, PlayedSegment
from tests.include.push.pusher import Pusher
from tests.include.push.world import QUICK, World


def silent(line: str) -> None:
    """Tests read reports, not lines."""


def open_for(world: World, segment: PlayedSegment, owner: str = "a dag run", **more: object) -> int:
    return open_run(
        world.url, segment.connection,
        trigger="schedule", requested_by="airflow", owner=owner, **more,
    )  # fmt: skip


def plan(world: World, run_id: int) -> list[dict]:
    return plan_run(world.url, world.settings, run_id, say=silent, folder=world.folder)


def deliver(world: World, segment: PlayedSegment, run_id: int, part: dict) -> dict:
    return deliver_model(
        world.url, segment.connection, run_id, **part, say=silent, options=QUICK
    )  # fmt: skip


def test_of_eight_askers_at_once_one_wins_and_the_others_are_told(
    world: World, segment: PlayedSegment
) -> None:
    start = threading.Barrier(8)

    def ask(number: int) -> int | str:
        start.wait()
        try:
            return open_for(world, segment, owner=f"asker {number}")
        except BusyError as busy:
            return str(busy)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    won = [each for each in answers if isinstance(each, int)]
    told = [each for each in answers if isinstance(each, str)]
    assert len(won) == 1
    assert len(told) == 7
    assert all(
        f"run {won[0]}, asked for by airflow (schedule), running since" in each for each in told
    )


def test_steps_make_a_push_and_each_may_run_again(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 30)
    run_id = open_for(world, segment)
    assert open_for(world, segment) == run_id
    parts = plan(world, run_id)
    assert parts == [{"model": "company", "first": 1, "last": 30}]
    world.put("company", "c000001", name="later than the plan")
    assert plan(world, run_id) == parts
    first = deliver(world, segment, run_id, parts[0])
    assert first == {"model": "company", "planned": 30, "synced": 30, "errors": 0, "not_sent": 0}
    assert deliver(world, segment, run_id, parts[0]) == first
    assert segment.repeats == 0
    report = finish_run(world.url, run_id, say=silent)
    assert report.status == "success"
    again = finish_run(world.url, run_id, say=silent)
    assert (again.status, again.models) == (report.status, report.models)
    assert segment.sent_values("name")["c000001"] == "Company c000001"


def test_two_workers_share_a_model_and_the_totals_are_those_of_one(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 400)
    segment.script = lambda number, batch: Answer(delay=0.005)
    run_id = open_for(world, segment)
    plan(world, run_id)
    shards = [(1, 150), (151, 400)]
    with Pusher() as pusher:
        children = [
            pusher.start(
                world, segment.connection, batch_events=20,
                part={"run_id": run_id, "model": "company", "first": first, "last": last},
            )
            for first, last in shards
        ]  # fmt: skip
        assert [pusher.wait(child) for child in children] == [0, 0]
    report = finish_run(world.url, run_id, say=silent)
    assert (report.status, report.total("synced")) == ("success", 400)
    assert len(segment.messages) == 400
    assert segment.repeats == 0


def test_more_workers_than_parts_send_nothing_twice(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 100)
    segment.script = lambda number, batch: Answer(delay=0.005)
    run_id = open_for(world, segment)
    plan(world, run_id)
    # Two parts, three workers at each, and one at a part that lies beyond the plan.
    shards = [(1, 40), (41, 100)] * 3 + [(101, 200)]
    with Pusher() as pusher:
        children = [
            pusher.start(
                world, segment.connection, batch_events=10,
                part={"run_id": run_id, "model": "company", "first": first, "last": last},
            )
            for first, last in shards
        ]  # fmt: skip
        assert [pusher.wait(child) for child in children] == [0] * 7
    report = finish_run(world.url, run_id, say=silent)
    assert (report.status, report.total("synced"), report.total("errors")) == ("success", 100, 0)
    assert (len(segment.messages), segment.repeats, segment.posts) == (100, 0, 10)


def test_a_task_that_was_killed_and_runs_again_finishes_its_part(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 100)
    run_id = open_for(world, segment)
    (part,) = plan(world, run_id)
    with Pusher() as pusher:
        command = {"part": {"run_id": run_id, **part}, "batch_events": 10}
        kill = ["acknowledge", "before", 4]
        assert pusher.run(world, segment.connection, kill=kill, **command) == -9
        assert pusher.run(world, segment.connection, **command) == 0
    assert finish_run(world.url, run_id, say=silent).total("synced") == 100
    assert len(segment.messages) == 100
    assert segment.repeats > 0


def test_a_killed_command_s_run_is_closed_by_whoever_comes_next(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 10)
    with Pusher() as pusher:
        assert pusher.run(world, segment.connection, kill=["post", "after", 1]) == -9
    while (active := active_run(world.url, segment.connection)) is not None:
        # Until Postgres has seen that the process is gone.
        assert active.requested_by == "a child"
    assert world.run("select status, reason from sync.runs") == [
        ("failed", "its process ended without a word (killed, or its machine was lost)")
    ]
    assert world.run("select synced, errors, not_sent from sync.run_models") == [(0, 10, 0)]
    assert world.push(segment.connection).total("synced") == 10
    assert segment.repeats == 10


def test_a_lease_bridges_the_gap_between_tasks_and_then_ends(
    world: World, segment: PlayedSegment
) -> None:
    run_id = open_for(world, segment)
    with pytest.raises(BusyError):
        world.push(segment.connection)
    world.run("update sync.runs set lease_until = now() - interval '1 second'")
    assert world.push(segment.connection).status == "success"
    assert world.run("select status from sync.runs where run_id = %s", [run_id]) == [("failed",)]


def test_a_lease_that_ended_does_not_matter_while_somebody_works(
    world: World, segment: PlayedSegment
) -> None:
    run_id = open_for(world, segment)
    with runs.Claim(world.url, run_id):
        world.run("update sync.runs set lease_until = now() - interval '1 second'")
        with pytest.raises(BusyError):
            world.push(segment.connection)


def test_a_late_owner_cannot_write_into_the_ledger(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 3)
    run_id = open_for(world, segment)
    plan(world, run_id)
    batch = Range(run_id, "company", 1, 3)
    with psycopg.connect(world.url, autocommit=True) as connection:
        ledger.mark_sent(connection, batch)
        assert close_run(world.url, run_id, "timed_out", "dagrun_timeout")
        with pytest.raises(ClaimLostError, match=f"Run {run_id} is timed_out by now"):
            ledger.acknowledge(connection, batch)
    with pytest.raises(ClaimLostError):
        deliver(world, segment, run_id, {"model": "company"})
    assert world.run("select acknowledged_at, sent_version from sync.objects limit 1") == [
        (None, 1)
    ]
    assert world.push(segment.connection).total("synced") == 3


def test_a_run_that_timed_out_says_so_and_counts_what_it_did_not_send(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 3)
    run_id = open_for(world, segment)
    plan(world, run_id)
    assert close_run(world.url, run_id, "timed_out", "took longer than an hour")
    assert not close_run(world.url, run_id, "failed", "once is enough")
    report = finish_run(world.url, run_id, say=silent)
    assert (report.status, report.reason, report.exit_code) == (
        "timed_out", "took longer than an hour", 1,
    )  # fmt: skip
    assert report.total("not_sent") == 3


def test_a_run_is_cancelled_between_two_batches(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 200)
    world.run("update planhat.company set name = repeat('x', 30000)")

    def script(number: int, batch: list[dict]) -> Answer:
        if number == 2:
            (run,) = world.run("select max(run_id) from sync.runs")
            assert cancel_run(world.url, run[0], "an operator")
        return OK

    segment.script = script
    report = world.push(segment.connection, options=replace(QUICK, connections=1))
    assert (report.status, report.reason) == ("cancelled", "cancelled by an operator")
    assert segment.posts == 2
    assert report.total("synced") == len(segment.messages)
    assert report.total("not_sent") == 200 - len(segment.messages)
    segment.script = lambda number, batch: OK
    assert world.push(segment.connection).total("synced") == report.total("not_sent")
    assert len(segment.accepted) == 200


def test_the_button_s_reservation_becomes_the_run_or_lapses(
    world: World, segment: PlayedSegment
) -> None:
    reserve = {"trigger": "button", "requested_by": "jo"}
    run_id = queue_run(world.url, segment.connection, **reserve)
    with pytest.raises(BusyError, match="asked for by jo"):
        queue_run(world.url, segment.connection, **reserve)
    assert open_for(world, segment, run_id=run_id) == run_id
    assert finish_run(world.url, run_id, say=silent).status == "failed"  # never planned

    lapsed = queue_run(world.url, segment.connection, **reserve)
    world.run("update sync.runs set lease_until = now() where status = 'queued'")
    assert open_for(world, segment, owner="the next") > lapsed


def test_nothing_is_sent_to_another_destination_than_planned(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 1)
    run_id = open_for(world, segment)
    plan(world, run_id)
    with PlayedSegment() as other, pytest.raises(ProblemError, match="start a new run"):
        deliver(world, other, run_id, {"model": "company"})


def test_postgres_that_is_not_there_is_one_line(world: World, segment: PlayedSegment) -> None:
    away = replace(world)
    away.url = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    with pytest.raises(ServiceError) as problem:
        away.push(segment.connection)
    assert "\n" not in str(problem.value)
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("dag_run_id", "trigger"),
    [
        ("scheduled__2026-03-01T06:00:00+00:00", "schedule"),
        ("button__2026-03-01T09:30:00.123456+00:00", "button"),
        ("manual__2026-03-01T09:30:00+00:00", "api"),
        ("my own id", "api"),
    ],
)
def test_the_id_of_a_dag_run_says_who_started_it(dag_run_id: str, trigger: str) -> None:
    assert trigger_of(dag_run_id) == trigger
