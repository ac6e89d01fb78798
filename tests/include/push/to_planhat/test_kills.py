"""Pushes to Planhat, killed anywhere, over a wire that fails: nothing twice, nothing lost."""

import random
from collections.abc import Iterator

import pytest

from include.played_planhat.faults import KINDS, Fault
from include.push.to_planhat.unknown import answer_unknown, unknown_objects
from tests.include.push.pusher import Pusher
from tests.include.push.to_planhat.test_activities import booked
from tests.include.push.to_planhat.world import World
from tests.parts import usually

# Points at which a push is killed; LONG=1: many more.
KILLS = usually(30, 300)
A_WORLD = 10

POINTS = ("plan", "mark", "request", "look", "settle", "acknowledge", "commit", "unknown",
          "mark the tenant")  # fmt: skip


@pytest.fixture(scope="module")
def pusher() -> Iterator[Pusher]:
    """Pushes in processes of their own."""
    with Pusher() as pusher:
        yield pusher


class Expected:
    """What must be in Planhat in the end."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.people = [
            world.document(
                "endusers", companyId=company, externalId=f"p{number}",
                email=f"p{number}@acme.test",
            )
            for number, company in enumerate(world.companies)
        ]  # fmt: skip
        self.emails: set[str] = set()
        self.values: dict[tuple[str, int], int] = {}
        self.counts: dict[tuple[str, str], int] = {}

    def change(self) -> None:
        """A few rows more, and others than before."""
        world, chance = self.world, self.chance
        for _ in range(chance.randint(0, 4)):
            number = len(self.emails)
            company = chance.randrange(3)
            world.enduser(
                number, company, external_id=f"u{number}" if chance.random() < 0.7 else None
            )
            self.emails.add(f"u{number}@acme.test")
        for aggregation in ("SUM", "LAST"):
            for company in range(3):
                value = chance.randint(1, 9)
                world.value(company, value, aggregation)
                self.values[aggregation.lower(), company] = value
        for person in self.people:
            for event in ("Opened", "Closed"):
                count = self.counts.get((person["_id"], event), 0) + chance.randint(0, 2)
                if count:
                    self.counts[person["_id"], event] = count
                    world.activity(person, count, event)

    def check(self) -> None:
        """Nobody twice; each metric once; each activity once, or listed as unknown."""
        world = self.world
        made = [each["email"] for each in world.endusers() if each["email"].startswith("u")]
        assert len(made) == len(set(made))
        assert set(made) <= self.emails
        acknowledged = dict(
            world.run(
                "select object_id, (payload ->> 'count')::int from sync.objects"
                " where model = 'activity' and acknowledged_at is not null"
            )
        )
        waiting = {each.object_id for each in unknown_objects(world.url, world.to)}
        for (person, event), count in booked(world).items():
            assert count <= self.counts[person, event]
            object_id = f"{person} {event}"
            assert object_id in waiting or acknowledged[object_id] == count

    def settle(self) -> None:
        """Answer for what is unknown by what Planhat has: a person who looked there."""
        world = self.world
        for each in unknown_objects(world.url, world.to, "activity"):
            person, event = each.object_id.split(" ")
            ((sent,),) = world.run(
                "select (sent_payload ->> 'count')::int from sync.objects where object_id = %s",
                [each.object_id],
            )
            arrived = booked(world).get((person, event), 0) == sent
            answer_unknown(
                world.url, world.to, "activity", "arrived" if arrived else "again",
                answered_by="Ada", object_id=each.object_id,
            )  # fmt: skip

    def check_end(self) -> None:
        """All of it is there, once."""
        world = self.world
        made = [each["email"] for each in world.endusers() if each["email"].startswith("u")]
        assert sorted(made) == sorted(self.emails)
        for (dimension, company), value in self.values.items():
            assert list(world.metric(dimension, world.companies[company]).values()) == [value]
        assert booked(world) == self.counts


@pytest.mark.parametrize("seed", range(KILLS // A_WORLD))
def test_killed_anywhere_nothing_is_doubled_and_nothing_is_lost(
    world: World, pusher: Pusher, seed: int
):
    chance = random.Random(seed)
    expected = Expected(world, chance)
    world.settle_at_once()
    command = {
        "url": world.url, "folder": ".", "host": world.to.host, "key": world.to.token,
        "tenant": world.to.tenant_token,
    }  # fmt: skip
    for _ in range(A_WORLD):
        expected.change()
        if chance.random() < 0.4:
            world.played.faults.waiting = [
                Fault(chance.choice([each for each in KINDS if each != "hang"]),  # type: ignore[arg-type]
                      after=chance.randrange(8))
            ]  # fmt: skip
        kill = [chance.choice(POINTS), chance.choice(["before", "after"]), chance.randint(1, 6)]
        pusher.wait(pusher.begin(**command, kill=kill))
        expected.check()
    world.played.faults.waiting = []
    for _ in range(3):
        pusher.wait(pusher.begin(**command))
        expected.settle()
    expected.check_end()
