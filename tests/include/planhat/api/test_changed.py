"""Objects that Planhat said to have changed, read one by one."""

import psycopg
import pytest

from include.errors import BusyError
from include.planhat.api.changed import Changed, read_changed
from include.planhat.api.errors import PlanhatAwayError
from include.planhat.api.reading import alone
from include.played_planhat.faults import Fault
from tests.include.planhat.api.world import World
from tests.include.planhat.world import ident


def mark(world: World, *numbers: int, model: str = "company") -> None:
    with psycopg.connect(world.url) as connection:
        for number in numbers:
            connection.execute(
                "insert into raw_planhat.changed (model, planhat_id, source) values (%s, %s, 'x')"
                " on conflict (model, planhat_id) do update set marked_at = clock_timestamp()",
                [model, ident(number)],
            )


def marked(world: World) -> list[int]:
    rows = world.rows("select planhat_id from raw_planhat.changed order by 1")
    return [int(identifier, 16) for (identifier,) in rows]


def read(world: World) -> Changed:
    world.said.clear()
    return read_changed(world.url, world.connection, options=world.options, say=world.said.append)


@pytest.fixture
def read_once(world: World) -> World:
    """Five companies and a person, all read."""
    world.have(1, 2, 3, 4, 5)
    world.have_people(11)
    world.read()
    world.played.requests.all.clear()
    return world


def test_what_is_marked_is_read_and_nothing_else_is_touched(read_once: World):
    world = read_once
    world.have(1, phase="Live")
    world.have(2, phase="Not marked")
    world.have(6)
    world.lose(3, 4)
    mark(world, 1, 3, 5, 6)
    done = read(world)
    (companies,) = done.reads
    assert (companies.added, companies.changed, companies.unchanged, companies.deleted) == (
        1, 1, 1, 1,
    )  # fmt: skip
    assert done.has_changed
    assert world.present() == [1, 2, 4, 5, 6]
    assert marked(world) == []
    # one call each
    assert len(world.played.requests.all) == 4
    # as the whole read has them: it finds nothing more in them
    assert world.counts() == {"changed": 1, "unchanged": 3, "deleted": 1}


def test_without_marks_nothing_is_asked(read_once: World):
    assert read(read_once) == Changed()
    assert read_once.played.requests.all == []


def test_what_does_not_differ_is_no_change(read_once: World):
    mark(read_once, 1)
    assert not read(read_once).has_changed


def test_models_go_by_planhats_names_and_unknown_ones_are_said_once(read_once: World):
    world = read_once
    world.have_people(11, position="CTO")
    mark(world, 11, model="enduser")
    mark(world, 12, model="spaceship")
    done = read(world)
    assert done.unknown == ("spaceship",)
    assert world.said == ["! spaceship is no model that is read: its marks are dropped"]
    assert [each.model for each in done.reads] == ["enduser"]
    assert marked(world) == []


def test_a_404_of_a_model_that_is_not_asked_for_one_by_one_deletes_nothing(read_once: World):
    world = read_once
    ticket = {"_id": ident(31), "companyId": ident(1), "sourceId": "s", "email": "a@x.example"}
    world.played.documents.load("tickets", [ticket])
    world.read()
    world.lose(31, path="tickets")
    mark(world, 31, model="ticket")
    assert not read(world).has_changed
    assert world.present("ticket") == [31]


def test_what_is_marked_again_while_it_is_read_stays_marked(read_once: World):
    world = read_once
    mark(world, 1)
    world.played.faults.meanwhile = lambda method, path: mark(world, 1)
    read(world)
    assert marked(world) == [1]


def test_a_read_that_fails_leaves_its_marks_and_rejects_of_others_stay(read_once: World):
    world = read_once
    world.played.documents.of["companies"].by_id[ident(2)] = {"_id": ident(2)}
    world.read()
    assert len(world.rows("select from raw_planhat.rejects")) == 1
    mark(world, 1)
    world.played.faults.waiting.append(Fault("error", times=4))
    with pytest.raises(PlanhatAwayError):
        read(world)
    assert marked(world) == [1]
    read(world)
    assert marked(world) == []
    assert len(world.rows("select from raw_planhat.rejects")) == 1


def test_a_whole_read_goes_first(read_once: World):
    mark(read_once, 1)
    with alone(read_once.url), pytest.raises(BusyError):
        read(read_once)
    assert marked(read_once) == [1]
