"""The runbooks of docs/operations.md about pushes: their SQL does what they say."""

import re

from include.push.alerts import Alert, tell_change
from include.settings import SegmentConnection
from tests.documented import blocks, in_psql
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import LICENSE, World, of


def test_the_ledger_is_carried_over_to_another_write_key(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 3)
    world.model("license", LICENSE)
    world.put("license", "l1", value=1)
    assert world.push(segment.connection).total("synced") == 4
    rotated = SegmentConnection(segment.connection.host, "another-write-key")
    planned = world.push(rotated, dry_run=True)
    assert planned.total("to_send") == 4

    looked_up, script = blocks("operations.md", "Segment's write key")
    shown = in_psql(world.url, looked_up)
    old, new = segment.connection.destination, rotated.destination
    assert old in shown
    assert new in shown
    script = re.sub(r"(?<=\\set old ').*(?=')", old, script)
    in_psql(world.url, re.sub(r"(?<=\\set new ').*(?=')", new, script))

    assert world.push(rotated).total("unchanged") == 4
    world.put("license", "l1", value=2)
    assert of(world.push(rotated), "license").changed == 1
    assert world.ledger("l1")["version"] == 2


def test_a_type_is_forgotten_and_the_next_one_kept(world: World, segment: PlayedSegment) -> None:
    world.model("license", LICENSE)
    world.put("license", "l1", value=1)
    world.push(segment.connection)
    world.run("drop table planhat.license")
    world.model("license", {**LICENSE, "columns": {"value": "text", "to_date": "date"}})
    world.put("license", "l1", value="one")
    assert world.push(segment.connection).total("errors") == 1
    assert codes(world) == [("type_changed",)]
    in_psql(world.url, *blocks("operations.md", "Change a column's type"))
    assert world.push(segment.connection).total("synced") == 1
    assert codes(world) == []


def codes(of_world: World) -> list[tuple]:
    return of_world.run("select code from sync.run_errors where resolved_at is null")


def test_alerts_can_be_tried(world: World, segment: PlayedSegment) -> None:
    heard: list[Alert] = []
    tell_change(world.url, segment.connection, world.push(segment.connection).run_id, heard.append)
    assert heard == []
    in_psql(world.url, *blocks("operations.md", "Be told"))
    tell_change(world.url, segment.connection, world.push(segment.connection).run_id, heard.append)
    assert [(each.before, each.state) for each in heard] == [("failed", "well")]
