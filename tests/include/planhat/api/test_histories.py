"""Random histories of a tenant that never rests: nobody is deleted falsely, and nobody missed.

Endusers are made, changed, archived, deleted and brought back between any two calls of a read, with
pages of any size and faults that pass or end it. LONG=1 lives through more of them;
`PLANHAT_HISTORIES` through as many as one likes.
"""

import os
import random

import psycopg
import pytest

from include.planhat.api.errors import PlanhatAwayError
from include.planhat.models import BY_NAME
from include.played_planhat.documents import Documents
from include.played_planhat.faults import Fault
from tests.include.planhat.api.world import World
from tests.include.planhat.world import ident
from tests.parts import usually

HISTORIES = int(os.environ.get("PLANHAT_HISTORIES") or usually(30, 600))
READS = 4
PASSING = ("throttle", "error", "cut", "lost", "reset", "object", "page")


class Tenant:
    """Endusers that change at random; remembers what was there, and when."""

    def __init__(self, documents: Documents, chance: random.Random) -> None:
        self.documents = documents
        self.chance = chance
        self.endusers = documents.of["endusers"]
        self.gone: dict[str, dict] = {}
        self.version = 0
        # since the read began: the ids that were missing at some time
        self.missed: set[str] = set()
        # and those that went from one list to the other
        self.moved: set[str] = set()
        self.changes_left = 0

    def begin_read(self) -> dict[str, int]:
        """A read begins; returns the versions of what is there."""
        self.missed = set(self.gone)
        self.moved = set()
        # More than pages of one row can follow would never end.
        self.changes_left = 40
        return {each: row["custom"]["version"] for each, row in self.endusers.by_id.items()}

    def make(self) -> None:
        """Somebody new, with an id beyond all others."""
        identifier = ident(len(self.endusers.by_id) + len(self.gone) + 1)
        self.put({"_id": identifier, "companyId": ident(1), "email": f"{identifier}@x.example"})

    def put(self, row: dict) -> None:
        """A version of somebody."""
        self.version += 1
        custom = {"version": self.version}
        self.documents.load("endusers", [{**row, "custom": custom}])

    def change(self) -> None:
        """Something happens to somebody."""
        what = self.chance.choices(
            ["make", "edit", "archive", "delete", "return"], [3, 3, 3, 3, 2]
        )[0]  # fmt: skip
        there = sorted(self.endusers.by_id)
        if what == "make" or not there:
            self.make()
        elif what == "return" and self.gone:
            identifier = self.chance.choice(sorted(self.gone))
            self.put(self.gone.pop(identifier))
        else:
            row = self.endusers.by_id[self.chance.choice(there)]
            if what == "delete":
                self.endusers.remove(row["_id"])
                self.gone[row["_id"]] = row
                self.missed.add(row["_id"])
            elif what == "archive":
                self.moved.add(row["_id"])
                self.put({**row, "archived": not row.get("archived", False)})
            else:
                self.put(row)

    def meanwhile(self, method: str, path: str) -> None:
        """Between two calls."""
        for _ in range(min(self.chance.choice([0, 0, 1, 1, 2, 6]), self.changes_left)):
            self.changes_left -= 1
            self.change()


@pytest.fixture
def busy(world: World) -> World:
    """Nothing is withheld because it is much, and everything missing is asked for."""
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "update sync.thresholds set value = 1000000 where threshold in"
            " ('read_guard_missing_from', 'read_guard_confirmed')"
        )
    return world


@pytest.mark.parametrize("seeds", [range(first, HISTORIES, 6) for first in range(6)])
def test_no_history_deletes_falsely_or_misses_anybody(busy: World, seeds: range):
    assert seeds
    for seed in seeds:
        with psycopg.connect(busy.url) as connection:
            connection.execute(
                "truncate raw_planhat.objects, raw_planhat.reads, raw_planhat.api_reads,"
                " raw_planhat.api_pages, raw_planhat.unlisted"
            )
        _live_through(busy, seed)


def _live_through(world: World, seed: int) -> None:
    chance = random.Random(seed)
    world.played.reset()
    tenant = Tenant(world.played.documents, chance)
    for _ in range(chance.randrange(30)):
        tenant.make()
    for number in range(READS):
        before = tenant.begin_read()
        was_there = set(_present(world))
        is_sure = _read(world, tenant, chance)
        present = _present(world)
        about = f"history {seed}, read {number}"
        always = set(before) - tenant.missed
        # Whoever is out of one list when it is read and out of the other when that is, is in
        # neither: known ones are asked for, the next read finds the others.
        listed = always - tenant.moved if is_sure else set()
        assert listed | (always & was_there) <= set(present), f"{about}: missed"
        assert all(present[each] >= before[each] for each in listed), f"{about}: older than it was"
        deleted = was_there - set(present)
        assert deleted <= tenant.missed, f"{about}: deleted falsely"
    # and when everybody rests for once, all is as it is there
    world.played.faults.meanwhile = None
    world.played.faults.waiting.clear()
    world.pages_of(chance.randrange(2, 9), page_bytes=None)
    assert _read_once(world)
    now = {each: row["custom"]["version"] for each, row in tenant.endusers.by_id.items()}
    assert _present(world) == now, f"history {seed}"


def _read(world: World, tenant: Tenant, chance: random.Random) -> bool:
    """A read that is disturbed, and goes on until it is whole. Whether pages overlapped for sure:
    one of a single row shows nothing of what lay before it, and says so."""
    size = chance.choice([1, 2, 2, 3, 4, 5, 8, 100])
    page_bytes = chance.randrange(200, 900) if chance.random() < 0.3 else None
    world.pages_of(size, page_bytes=page_bytes)
    for _ in range(chance.randrange(3)):
        world.played.faults.waiting.append(
            Fault(chance.choice(PASSING), after=chance.randrange(12), times=chance.choice([1, 5]))
        )
    world.played.faults.meanwhile = tenant.meanwhile
    for _ in range(9):
        if _read_once(world):
            return size > 1 and page_bytes is None
    raise AssertionError("it never ends")


def _read_once(world: World) -> bool:
    """Whether it was read to its end."""
    try:
        return not world.read(models=[BY_NAME["enduser"]]).unread
    except PlanhatAwayError:
        return False


def _present(world: World) -> dict[str, int]:
    return dict(
        world.rows(
            "select planhat_id, (payload -> 'custom' ->> 'version')::int"
            " from raw_planhat.objects where deleted_at is null"
        )
    )
