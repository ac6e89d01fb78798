"""What stands beside the button: where a push goes, and what it finds there."""

from pathlib import Path

import psycopg
import pytest

from include.page import destination
from include.settings import SegmentConnection, Settings
from include.warehouse import reading
from tests.include.page.world import NOON
from tests.include.push.world import LICENSE, World

SEGMENT = SegmentConnection("https://api.segment.io", "a-write-key-of-a-customer-Zx9q")


@pytest.fixture
def world(warehouse: str, settings: Settings, tmp_path: Path) -> World:
    """Licenses, which the project pushes as well."""
    world = World(warehouse, tmp_path, settings)
    world.model("license", LICENSE)
    for number in range(12):
        world.put("license", f"l{number}")
    return world


def ask(world: World) -> dict:
    with reading.read_only(world.url) as connection:
        found = destination.next_push(connection, SEGMENT, world.settings)
        # the connection answers with dictionaries again
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
        return found


def acknowledged(world: World, there: str, generation: int = 0) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "insert into sync.objects (destination, model, object_id, generation, acknowledged_at)"
            " values (%s, 'license', 'l1', %s, now())",
            [there, generation],
        )


def test_a_destination_without_anything_of_ours_says_how_much_will_be_added(world: World) -> None:
    assert ask(world) == {
        "name": "https://api.segment.io (key …Zx9q)",
        "remarks": [
            "Segment has nothing of ours yet at https://api.segment.io (key …Zx9q): 12 objects "
            "will be added."
        ],
        "resync": [],
        "rules": [],
    }


def test_a_change_of_destination_names_the_one_before(world: World) -> None:
    acknowledged(world, "eu.example#abc")
    world.run(
        "insert into sync.runs (destination, trigger, requested_by, status)"
        " values ('eu.example#abc', 'command', 'jo', 'success')"
    )
    (remark,) = ask(world)["remarks"]
    assert remark.endswith("12 objects will be added; pushes went to eu.example until now.")


def test_one_that_has_something_says_what_a_push_would(world: World) -> None:
    acknowledged(world, SEGMENT.destination)
    assert ask(world)["remarks"] == []
    world.run(
        "insert into sync.resyncs (destination, model, generation, requested_by, requested_at)"
        " values (%s, 'license', 1, 'ada', %s)",
        [SEGMENT.destination, NOON],
    )
    world.run(
        "insert into sync.builds (requested_by, as_of_date, window_to, settings, code_fingerprint,"
        " status, reason, finished_at) values ('test', current_date, pg_current_snapshot(), '{}',"
        " '', 'failed', 'license (it is broken)', %s)",
        [NOON],
    )
    assert ask(world) == {
        "name": SEGMENT.name,
        "remarks": [
            "The last build (1, 2026-03-02 12:00 UTC) failed: license (it is broken). What it did "
            "not finish is not pushed.",
            "A full resync that ada asked for at 2026-03-02 12:00 UTC goes on, changed or not: 1 "
            "of license to be sent.",
        ],
        "resync": [{"model": "license", "left": 1}],
        "rules": [],
    }
