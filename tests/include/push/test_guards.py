"""Plans that look like an accident are held; the run ends, and the answer is for that plan."""

import pytest

from include.errors import ProblemError
from include.push.guards import answer_plan, held_plans
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import LICENSE, World, of


@pytest.fixture(autouse=True)
def _pushed(world: World, segment: PlayedSegment) -> None:
    world.model("license", LICENSE)
    world.put("license", "l1", value=1)
    world.fill("company", 40)
    assert world.push(segment.connection).status == "success"


def lose(world: World, first: int, last: int) -> None:
    world.run(
        "delete from planhat.company where object_id between %s and %s",
        [f"c{first:06}", f"c{last:06}"],
    )


def answer(world: World, segment: PlayedSegment, said: str, **more: str) -> None:
    answer_plan(world.url, segment.connection, "company", said, answered_by="jo", **more)


def test_many_removals_are_held_and_other_models_go_on(
    world: World, segment: PlayedSegment
) -> None:
    lose(world, 1, 12)
    world.put("company", "c000020", name="changed")
    world.put("license", "l1", value=2)
    report = world.push(segment.connection)
    assert (report.status, report.exit_code) == ("held", 3)
    company = of(report, "company")
    assert (company.removed, company.changed, company.held, company.synced) == (12, 1, 13, 0)
    assert company.reason == "held: 12 of 40 objects would be removed, more than 25%"
    assert of(report, "license").synced == 1
    (held,) = held_plans(world.url, segment.connection)
    assert (held.model, held.removed, held.answer) == ("company", 12, None)


@pytest.mark.parametrize(
    ("said", "status", "synced", "held"),
    [("all", "success", 13, 0), ("safe", "success", 1, 12), ("none", "success", 0, 13)],
)
def test_the_next_run_acts_on_the_answer(
    world: World, segment: PlayedSegment, said: str, status: str, synced: int, held: int
) -> None:
    lose(world, 1, 12)
    world.put("company", "c000020", name="changed")
    world.push(segment.connection)
    answer(world, segment, said)
    report = world.push(segment.connection)
    assert (report.status, of(report, "company").synced, of(report, "company").held) == (
        status, synced, held,
    )  # fmt: skip
    removed = [each for each in segment.messages if each.get("event") == "Company Removed"]
    assert len(removed) == (12 if said == "all" else 0)


def test_a_plan_that_has_changed_meanwhile_asks_again(world: World, segment: PlayedSegment) -> None:
    lose(world, 1, 12)
    world.push(segment.connection)
    (before,) = held_plans(world.url, segment.connection)
    answer(world, segment, "all", fingerprint=before.plan_fingerprint[:8])
    lose(world, 13, 13)
    assert world.push(segment.connection).status == "held"
    with pytest.raises(ProblemError, match="has changed"):
        answer(world, segment, "all", fingerprint=before.plan_fingerprint)
    with pytest.raises(ProblemError, match="No plan of license is held"):
        answer_plan(world.url, segment.connection, "license", "all", answered_by="jo")


@pytest.mark.parametrize(
    ("count", "lost", "is_held"),
    [(14, 5, True), (14, 3, False), (11, 3, True), (4, 3, True), (4, 2, False), (2, 1, False)],
)
def test_a_share_of_a_small_model_counts_too(
    world: World, segment: PlayedSegment, count: int, lost: int, is_held: bool
) -> None:
    world.run("delete from planhat.company")
    world.run("update sync.thresholds set value = 1000 where threshold = 'push_guard_removed_from'")
    world.run("update sync.thresholds set value = 0 where threshold = 'push_guard_empty_source'")
    world.fill("company", count)
    assert world.push(segment.connection).status == "success"
    world.run("update sync.thresholds set value = 3 where threshold = 'push_guard_removed_from'")
    lose(world, 1, lost)
    report = world.push(segment.connection)
    assert report.status == ("held" if is_held else "success")
    assert of(report, "company").removed == lost


def test_an_empty_table_is_held_however_small_it_was(world: World, segment: PlayedSegment) -> None:
    world.drop("license", "l1")
    report = world.push(segment.connection)
    assert report.status == "held"
    assert "its table is empty" in (of(report, "license").reason or "")


def test_a_model_may_have_a_limit_of_its_own(world: World, segment: PlayedSegment) -> None:
    world.run(
        "insert into sync.guards (model, guard, value) values ('company', 'removed_number', 2)"
    )
    lose(world, 1, 3)
    assert world.push(segment.connection).status == "held"
    world.run("update sync.guards set value = 3")
    assert world.push(segment.connection).total("synced") == 3


def test_a_change_of_most_objects_is_held_and_a_resync_is_not(
    world: World, segment: PlayedSegment
) -> None:
    world.run("update sync.thresholds set value = 30 where threshold = 'push_guard_changed_from'")
    assert world.push(segment.connection, full=True).status == "success"
    world.run("update planhat.company set name = 'the same' where object_id <= 'c000035'")
    world.put("company", "new", name="New")
    assert world.push(segment.connection).status == "held"
    answer(world, segment, "safe")
    assert of(world.push(segment.connection), "company").synced == 1


def test_a_model_whose_removals_are_ignored_keeps_its_objects(
    world: World, segment: PlayedSegment
) -> None:
    world.run("insert into sync.ignored_removals (model) values ('company')")
    lose(world, 1, 12)
    report = world.push(segment.connection)
    assert (report.status, report.total("removed")) == ("success", 0)
    world.fill("company", 12)
    assert of(world.push(segment.connection), "company").unchanged == 40
