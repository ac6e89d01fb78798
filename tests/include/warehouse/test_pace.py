"""The rate limit and the pauses that the other side asks for, shared by all who send there."""

import threading
from dataclasses import replace

from include.warehouse.pace import Pace
from tests.include.push.played_segment import BUSY, PlayedSegment, in_turn
from tests.include.push.world import QUICK, World


def reserved(world: World, *paces: Pace) -> list[float]:
    return [pace._reserve(100) for pace in paces]


def test_two_processes_share_one_limit(world: World) -> None:
    # One event a second: each hundred events wait for the hundred before, whoever sends them.
    with Pace(world.url, "there", 1) as one, Pace(world.url, "there", 1) as two:
        waits = [round(wait, -1) for wait in reserved(world, one, two, one, two)]
    assert waits == [0, 100, 200, 300]


def test_destinations_do_not_wait_for_each_other(world: World) -> None:
    with Pace(world.url, "here", 1) as one, Pace(world.url, "there", 1) as two:
        assert [round(wait, -1) for wait in reserved(world, one, two)] == [0, 0]


def test_a_pause_that_one_was_asked_for_holds_for_all(world: World) -> None:
    with Pace(world.url, "there", 1000) as one, Pace(world.url, "there", 1000) as two:
        one.pause(500)
        assert two._reserve(1) > 400


def test_a_stopped_sender_does_not_wait(world: World) -> None:
    stopped = threading.Event()
    stopped.set()
    with Pace(world.url, "there", 1) as pace:
        pace.pause(3600)
        pace.wait_for(1000, stopped)


def test_a_limited_push_arrives_whole_after_being_told_to_wait(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 50)
    segment.script = in_turn(BUSY)
    report = world.push(segment.connection, options=replace(QUICK, rate=5_000.0))
    assert (report.status, report.total("synced"), len(segment.messages)) == ("success", 50, 50)
