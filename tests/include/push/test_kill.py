"""`kill -9` at seeded points, counted in posts and in ledger commits, never in seconds."""

import random
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from include.errors import BusyError
from include.push.report import Report
from tests.include.push.played_segment import LOST, OK, UNAVAILABLE, PlayedSegment, refuses
from tests.include.push.pusher import POINTS, Pusher
from tests.include.push.world import World
from tests.parts import usually

# Small batches: many posts and many commits to die at.
BATCH = 5
OBJECTS = 400
# Of each world; twelve worlds make more than a hundred.
KILLS = 9


@pytest.fixture(scope="module")
def pusher() -> Iterator[Pusher]:
    with Pusher() as running:
        yield running


def push_when_free(world: World, segment: PlayedSegment) -> Report:
    """Postgres needs a moment to see that a killed process's connections are gone."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(BusyError):
            return world.push(segment.connection)
        time.sleep(0.01)
    raise AssertionError("the dead owner's run was never closed")


def points(chance: random.Random) -> Iterator[list]:
    """Where the next process dies: soon, so that many die before everything is sent."""
    while True:
        point = chance.choice(["mark", "post", "acknowledge", "commit"])
        yield [point, chance.choice(["before", "after"]), chance.randint(1, 4)]


@pytest.mark.parametrize("seed", range(usually(3, 6)))
def test_nothing_is_lost_and_nothing_acknowledged_is_sent_anew(
    world: World, segment: PlayedSegment, pusher: Pusher, seed: int
) -> None:
    chance = random.Random(seed)
    world.fill("company", OBJECTS)
    faults = [OK, OK, OK, OK, LOST, UNAVAILABLE]
    segment.script = lambda number, batch: chance.choice(faults)
    for kill, _ in zip(points(chance), range(KILLS), strict=False):
        run_until_it_dies(pusher, world, segment, kill)
        # Every id is of an object's one and only version, whatever died when.
        assert len(segment.accepted) == len(segment.latest())
    segment.script = lambda number, batch: OK
    assert push_when_free(world, segment).status == "success"
    assert set(segment.latest()) == {f"c{number:06}" for number in range(1, OBJECTS + 1)}
    assert len(segment.messages) == OBJECTS
    assert_no_run_is_left_open(world)


@pytest.mark.parametrize("seed", range(100, usually(103, 106)))
def test_the_last_value_arrives_though_objects_change_between_deaths(
    world: World, segment: PlayedSegment, pusher: Pusher, seed: int
) -> None:
    chance = random.Random(seed)
    world.fill("company", OBJECTS)
    for kill, _ in zip(points(chance), range(KILLS), strict=False):
        run_until_it_dies(pusher, world, segment, kill)
        chosen = [f"c{number:06}" for number in chance.sample(range(1, OBJECTS + 1), 20)]
        world.run("delete from planhat.company where object_id = any(%s)", [chosen])
        # Few names, so that many objects change back to what they were.
        kept = [(each, chance.choice("AB")) for each in chosen if chance.random() < 0.75]
        world.run(
            """
            insert into planhat.company (object_id, planhat_id, external_id, name)
            select id, id, 'x' || id, name from unnest(%s::text[], %s::text[]) as kept (id, name)
            """,
            [[each for each, _ in kept], [name for _, name in kept]],
        )
    assert push_when_free(world, segment).status == "success"
    expected = dict(world.run("select object_id, name from planhat.company"))
    there = {
        key: message["traits"]["name"]
        for key, message in segment.latest().items()
        if message["type"] == "group"
    }
    assert there == expected
    assert world.push(segment.connection).total("planned") == 0
    assert_no_run_is_left_open(world)


@pytest.mark.parametrize("point", sorted(POINTS))
@pytest.mark.parametrize("when", ["before", "after"])
def test_each_point_can_be_died_at(
    world: World, segment: PlayedSegment, pusher: Pusher, point: str, when: str
) -> None:
    world.fill("company", 30)
    segment.script = refuses("c000001") if point == "split" else lambda number, batch: OK
    if point == "unknown":
        segment.script = lambda number, batch: UNAVAILABLE
    kill = [point, when, 1]
    assert pusher.run(world, segment.connection, kill=kill, batch_events=BATCH) == -9
    segment.script = lambda number, batch: OK
    assert push_when_free(world, segment).status == "success"
    assert len(segment.messages) == 30
    assert_no_run_is_left_open(world)


def run_until_it_dies(pusher: Pusher, world: World, segment: PlayedSegment, kill: list) -> None:
    deadline = time.monotonic() + 20
    while (code := pusher.run(world, segment.connection, kill=kill, batch_events=BATCH)) == 4:
        # Postgres has not seen yet that the one before is dead.
        assert time.monotonic() < deadline
    assert code == -9


def assert_no_run_is_left_open(world: World) -> None:
    open_runs = world.run("select run_id from sync.runs where status in ('queued', 'running')")
    unknown = world.run("select object_id from sync.objects where sent_version is not null")
    books = world.run("select reason from sync.runs where reason like '%books%'")
    assert (open_runs, unknown, books) == ([], [], [])
