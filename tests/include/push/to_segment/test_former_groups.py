"""A company whose external id changes: a new group in Segment, and the old one said as removed."""

import itertools
import random
from typing import Any

import pytest

from include.push.guards import answer_plan
from tests.include.push.played_segment import LOST, OK, Answer, PlayedSegment
from tests.include.push.world import World, of


def removed(segment: PlayedSegment) -> list[dict[str, Any]]:
    """The properties of every removal so far, in order."""
    return [each["properties"] for each in segment.messages if each["type"] == "track"]


def groups(segment: PlayedSegment) -> set[str]:
    """The groups that somebody has who follows what is said: the removed ones left out."""
    have: set[str] = set()
    for message in segment.messages:
        if message["type"] == "group":
            have.add(message["groupId"])
        else:
            gone = message["properties"]
            have.discard(
                gone.get("former_group_id")
                or gone["external_id"]
                or f"planhat-{gone['planhat_id']}"
            )
    return have


@pytest.fixture(autouse=True)
def _pushed(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", external_id="acme", company_external_id="acme", name="Acme")
    world.put("company", "c2", external_id="globex", name="Globex")
    world.put("company", "c3", name="No id yet")
    world.push(segment.connection)


def test_the_plan_says_so_and_the_old_group_is_removed_after_the_new_one_is_there(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", external_id="acme-2", company_external_id="acme-2", name="Acme")
    plan = world.push(segment.connection, dry_run=True)
    assert plan.warnings == [
        "company: 1 object has another external id, which is a new group in Segment (c1: acme is "
        "now acme-2); the old group is said as removed (push_removes_former_groups in "
        "sync.thresholds decides)"
    ]
    assert (of(plan, "company").changed, of(plan, "company").removed) == (1, 1)
    assert {each["object_id"]: each["action"] for each in plan.samples} == {
        "c1": "changed", "c1 was acme": "removed",
    }  # fmt: skip
    assert world.run("select count(*) from sync.objects where former_of is not null") == [(0,)]

    report = world.push(segment.connection)
    assert (report.status, report.total("synced")) == ("success", 2)
    new, old = segment.messages[-2:]
    assert (new["type"], new["groupId"]) == ("group", "acme-2")
    assert (old["event"], old["properties"]) == (
        "Company Removed",
        {
            "planhat_id": "c1",
            "external_id": "acme",
            "company_id": None,
            "company_external_id": "acme",
            "former_group_id": "acme",
            "moved_to_group_id": "acme-2",
        },
    )
    assert world.push(segment.connection).total("planned") == 0
    assert world.push(segment.connection, full=True).total("synced") == 3


def test_a_company_that_gets_its_first_id_leaves_the_group_of_its_planhat_id(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c3", external_id="initech", name="Initech")
    world.push(segment.connection)
    (old,) = removed(segment)
    assert (old["former_group_id"], old["moved_to_group_id"]) == ("planhat-c3", "initech")
    assert groups(segment) == {"acme", "globex", "initech"}


@pytest.mark.parametrize("letter", ["x", "é", "🚀"])
def test_ids_of_any_length_are_left_and_told_apart(
    world: World, segment: PlayedSegment, letter: str
) -> None:
    # alike for longer than the ledger's key holds of them
    ids = [letter * 600 + end for end in ("1", "2", "3")]
    for given in ids:
        world.put("company", "c1", external_id=given, name="Acme")
        assert world.push(segment.connection).status == "success"
    assert [each["former_group_id"] for each in removed(segment)] == ["acme", *ids[:2]]
    assert groups(segment) == {ids[2], "globex", "planhat-c3"}
    assert world.push(segment.connection).total("planned") == 0


def test_companies_that_swap_their_ids_remove_nothing(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", external_id="globex", name="Acme")
    world.put("company", "c2", external_id="acme", name="Globex")
    report = world.push(segment.connection)
    assert (of(report, "company").changed, of(report, "company").removed) == (2, 0)
    assert report.warnings == []
    world.put("company", "c1", external_id="hooli", name="Acme")
    world.push(segment.connection)
    assert groups(segment) == {"acme", "hooli", "planhat-c3"}


def test_an_id_that_goes_to_and_fro_is_said_each_time(world: World, segment: PlayedSegment) -> None:
    for name in ("b", "acme", "b", "acme", "b"):
        world.put("company", "c1", external_id=name, name="Acme")
        world.push(segment.connection)
        assert groups(segment) == {name, "globex", "planhat-c3"}
    assert [each["former_group_id"] for each in removed(segment)] == [
        "acme", "b", "acme", "b", "acme",
    ]  # fmt: skip
    assert segment.repeats == 0


@pytest.mark.parametrize("stopped", ["limit", "held", "refused", "lost"])
def test_an_old_group_is_removed_in_the_end_whatever_stops_it_first(
    world: World, segment: PlayedSegment, stopped: str
) -> None:
    world.put("company", "c1", external_id="acme-2", name="Acme")
    if stopped == "held":
        world.run(
            "insert into sync.guards (model, guard, value) values ('company', 'removed_number', 0)"
        )
    elif stopped in ("refused", "lost"):
        answer = LOST if stopped == "lost" else Answer(400, takes=False)
        segment.script = lambda number, batch: (
            answer if any(each["type"] == "track" for each in batch) else OK
        )
    world.push(segment.connection, limit=1 if stopped == "limit" else None)
    segment.script = lambda number, batch: OK
    if stopped == "held":
        answer_plan(world.url, segment.connection, "company", "safe", answered_by="jo")
        world.push(segment.connection)
        assert removed(segment) == []
        world.run("delete from sync.guards")
    world.push(segment.connection)
    assert groups(segment) == {"acme-2", "globex", "planhat-c3"}
    assert world.push(segment.connection).total("planned") == 0


def test_an_id_that_is_changed_back_before_anything_was_sent_removes_nothing(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", external_id="acme-2", company_external_id="acme", name="Acme")
    segment.script = lambda number, batch: Answer(401, takes=False)
    assert world.push(segment.connection).status == "failed"
    segment.script = lambda number, batch: OK
    world.put("company", "c1", external_id="acme", company_external_id="acme", name="Acme")
    world.push(segment.connection)
    assert removed(segment) == []
    assert world.push(segment.connection, full=True).total("synced") == 3
    # and the resync is not kept open by it
    assert world.push(segment.connection, full=True).total("synced") == 3


@pytest.mark.parametrize(
    "switch",
    [
        "update sync.thresholds set value = 0 where threshold = 'push_removes_former_groups'",
        "insert into sync.ignored_removals (model) values ('company')",
    ],
)
def test_removing_old_groups_can_be_switched_off(
    world: World, segment: PlayedSegment, switch: str
) -> None:
    world.run(switch)
    world.put("company", "c1", external_id="acme-2", name="Acme")
    report = world.push(segment.connection)
    assert (report.total("synced"), report.total("removed")) == (1, 0)
    assert "which is a new group in Segment" in report.warnings[0]
    assert removed(segment) == []


def test_a_company_that_is_removed_after_its_id_changed_leaves_no_group(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", external_id="acme-2", name="Acme")
    world.push(segment.connection, limit=1)
    world.drop("company", "c1")
    world.push(segment.connection)
    assert sorted(each["external_id"] for each in removed(segment)) == ["acme", "acme-2"]
    assert world.push(segment.connection).total("planned") == 0


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_segment_has_the_groups_that_the_table_has(
    world: World, segment: PlayedSegment, seed: int
) -> None:
    """Ids given, changed, swapped and taken away, with batches that are refused or lost between."""
    chance = random.Random(seed)
    world.run("update sync.thresholds set value = 1000 where threshold like 'push_guard%from'")
    ids = [None, "a", "b", "c", "d", "e"]
    numbers = itertools.count(1)
    for _ in range(12):
        free = chance.sample(ids[1:], 3)
        for company in ("c1", "c2", "c3"):
            if chance.random() < 0.6:
                given = chance.choice([None, free.pop()])
                world.put("company", company, external_id=given, name=f"{next(numbers)}")
        segment.script = lambda number, batch: chance.choice(
            [OK, OK, LOST, Answer(400, takes=False)]
        )
        world.push(segment.connection, limit=chance.choice([None, None, 1, 2]))
    segment.script = lambda number, batch: OK
    # whatever two of them share is put right first
    for company, given in zip(("c1", "c2", "c3"), chance.sample(ids[1:], 3), strict=True):
        world.put("company", company, external_id=given, name="the last")
    world.push(segment.connection)
    world.push(segment.connection)
    have = {given for (given,) in world.run("select external_id from planhat.company")}
    assert groups(segment) == have
    assert world.push(segment.connection).total("planned") == 0
