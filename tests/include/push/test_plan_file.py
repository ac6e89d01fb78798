"""Looking at a plan before it is sent, sending exactly that, and models whose file is gone."""

import json
from pathlib import Path

import pytest

from include.errors import ProblemError
from include.push.push import PlanChangedError
from include.push.retired import retired_models
from include.push.steps import finish_run, open_run
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import LICENSE, World, of


def test_a_dry_run_shows_what_would_change_and_sends_nothing(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", name="A", mrr=1, custom={"Tier": "gold"})
    world.put("company", "c2", name="B")
    world.push(segment.connection)
    world.put("company", "c1", name="A", mrr=None, custom={"Tier": "silver"})
    world.drop("company", "c2")
    world.put("company", "c3", name="C")
    report = world.push(segment.connection, dry_run=True)
    assert (report.status, report.exit_code, report.total("not_sent")) == ("dry_run", 0, 3)
    assert report.samples == [
        {"model": "company", "action": "added", "object_id": "c3", "changes": None},
        {
            "model": "company",
            "action": "changed",
            "object_id": "c1",
            "changes": {"mrr": [1, None], "custom": [{"Tier": "gold"}, {"Tier": "silver"}]},
        },
        {"model": "company", "action": "removed", "object_id": "c2", "changes": None},
    ]
    assert len(segment.messages) == 2
    assert world.push(segment.connection).total("synced") == 3


def test_a_plan_s_file_is_sent_if_it_still_holds(
    world: World, segment: PlayedSegment, tmp_path: Path
) -> None:
    world.fill("company", 5)
    file = tmp_path / "plan.jsonl"
    world.push(segment.connection, dry_run=True, plan_file=file, limit=3)
    head, *rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert head["limit"] == 3
    assert [each["object_id"] for each in rows] == ["c000001", "c000002", "c000003"]

    world.put("company", "c000002", name="meanwhile")
    with pytest.raises(PlanChangedError, match="company would be sent differently now"):
        world.push(segment.connection, plan_file=file)
    assert segment.messages == []
    assert world.run("select status from sync.runs order by run_id desc limit 1") == [("failed",)]

    world.push(segment.connection, dry_run=True, plan_file=file, limit=3)
    world.put("company", "c000005", name="beyond the plan")
    report = world.push(segment.connection, plan_file=file)
    assert (report.status, report.total("synced"), report.total("not_sent")) == ("success", 3, 2)
    assert set(segment.accepted) == {
        json.loads(line)["message_id"] for line in file.read_text().splitlines()[1:]
    }


@pytest.mark.parametrize("content", [None, "", "{}", "no json"])
def test_a_file_that_is_no_plan_is_told(
    world: World, segment: PlayedSegment, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "plan.jsonl"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ProblemError, match=r"is no plan|cannot be read"):
        world.push(segment.connection, plan_file=file)


def test_a_full_resync_can_be_planned_and_sent_from_the_file(
    world: World, segment: PlayedSegment, tmp_path: Path
) -> None:
    world.fill("company", 5)
    world.push(segment.connection)
    file = tmp_path / "plan.jsonl"
    world.push(segment.connection, dry_run=True, plan_file=file, full=True)
    assert world.push(segment.connection).total("planned") == 0
    assert world.push(segment.connection, plan_file=file).total("synced") == 5


def test_an_interrupted_resync_goes_on_in_its_generation(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 10)
    world.push(segment.connection)
    assert world.push(segment.connection, full=True, limit=4).total("synced") == 4
    report = world.push(segment.connection)
    assert (report.total("synced"), report.total("repeated")) == (6, 6)
    assert world.run("select count(*), max(generation) from sync.resyncs") == [(1, 1)]
    assert len(segment.accepted) == 20


def test_a_resync_that_was_killed_while_planning_goes_on_with_every_model(
    world: World, segment: PlayedSegment
) -> None:
    world.model("license", LICENSE)
    world.fill("company", 4)
    world.put("license", "l1")
    world.put("license", "l2")
    world.push(segment.connection)

    def die(line: str) -> None:
        if line.startswith("company:"):  # planned; license is not
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.push(segment.connection, full=True, say=die)
    assert len(segment.accepted) == 6

    said: list[str] = []
    report = world.push(segment.connection, say=said.append)
    assert (of(report, "company").repeated, of(report, "license").repeated) == (4, 2)
    assert len(segment.accepted) == 12
    assert "(2 once more with the same value)" in "\n".join(said)
    # One generation, which is complete now: the next resync is another.
    assert world.run("select model, max(generation) from sync.resyncs group by 1 order by 1") == [
        ("company", 1), ("license", 1),
    ]  # fmt: skip
    assert world.push(segment.connection).total("planned") == 0
    assert world.push(segment.connection, full=True).total("synced") == 6
    assert len(segment.accepted) == 18


def test_a_plan_of_a_resync_begins_none(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 4)
    world.push(segment.connection)
    assert world.push(segment.connection, dry_run=True, full=True).total("to_send") == 4
    assert world.push(segment.connection).total("planned") == 0
    assert world.run("select count(*) from sync.resyncs") == [(0,)]


def test_a_plan_says_what_would_be_sent_not_that_it_was_not_sent(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 5)
    lines = world.push(segment.connection, dry_run=True, limit=3).table().splitlines()
    assert lines[0].split() == [
        "Model", "Would", "be", "sent", "Errors", "Unchanged", "Added", "Changed", "Removed",
        "Held",
    ]  # fmt: skip
    assert lines[2].split() == ["company", "3", "0", "0", "5", "0", "0", "0"]
    assert "planned only, nothing was sent; a push would send 3 and leave 2 for later" in lines[-1]
    whole = world.push(segment.connection, dry_run=True).table()
    assert "a push would send 5 after" in whole
    assert "Not sent" not in whole


def test_a_plan_that_misses_a_model_is_a_failure_that_names_it(
    world: World, segment: PlayedSegment
) -> None:
    world.model("license", LICENSE)
    world.fill("company", 2)
    world.run("drop table planhat.license")
    report = world.push(segment.connection, dry_run=True)
    assert (report.status, report.exit_code) == ("dry_run", 1)
    assert report.reason == "license cannot be planned"
    assert of(report, "company").to_send == 2
    assert "license: not planned: planhat.license is not there" in report.table()


def test_a_plan_that_comes_to_nothing_leaves_no_open_run(
    world: World, segment: PlayedSegment, tmp_path: Path
) -> None:
    world.fill("company", 2)
    with pytest.raises(ProblemError, match="No model foo was ever pushed"):
        world.push(segment.connection, dry_run=True, retire="foo")
    with pytest.raises(ProblemError, match="cannot be written"):
        world.push(segment.connection, dry_run=True, plan_file=tmp_path / "none" / "plan.jsonl")
    with pytest.raises(ProblemError, match="cannot be written"):
        world.push(segment.connection, dry_run=True, plan_file=tmp_path)
    runs = world.run("select status, finished_at is null, reason from sync.runs order by run_id")
    assert [(status, is_open) for status, is_open, _ in runs] == [("dry_run", False)] * 3
    assert [reason.split(":")[0].split(" ")[0:3] for _, _, reason in runs] == [
        ["No", "model", "foo"], ["The", "plan", "cannot"], ["The", "plan", "cannot"],
    ]  # fmt: skip


def test_a_plan_that_was_killed_is_closed_by_a_later_one(
    world: World, segment: PlayedSegment
) -> None:
    asked = {"trigger": "command", "requested_by": "ada", "dry_run": True}
    old, new = (open_run(world.url, segment.connection, owner=each, **asked) for each in "ab")
    world.run(
        "update sync.runs set started_at = now() - interval '5 hours' where run_id = %s", [old]
    )
    world.push(segment.connection, dry_run=True)
    assert world.run("select run_id from sync.runs where finished_at is null") == [(new,)]


def test_a_plan_s_task_that_runs_again_keeps_its_run(world: World, segment: PlayedSegment) -> None:
    asked = {"trigger": "api", "requested_by": "ada", "owner": "manual__1", "dry_run": True}
    first = open_run(world.url, segment.connection, **asked)
    assert open_run(world.url, segment.connection, **asked) == first
    finish_run(world.url, first, say=lambda line: None)
    assert open_run(world.url, segment.connection, **asked) != first


def test_one_model_alone_can_be_pushed(world: World, segment: PlayedSegment) -> None:
    world.model("license", LICENSE)
    world.put("license", "l1")
    world.put("company", "c1")
    report = world.push(segment.connection, models=["license"])
    assert [each.model for each in report.models] == ["license"]
    assert set(segment.latest()) == {"l1"}


def test_a_model_whose_file_is_gone_is_left_alone_until_it_is_retired(
    world: World, segment: PlayedSegment
) -> None:
    world.model("license", LICENSE)
    for key in ("l1", "l2"):
        world.put("license", key, company_external_id="acme")
    world.put("company", "c1")
    world.push(segment.connection)
    with pytest.raises(ProblemError, match="license is not retired"):
        world.push(segment.connection, retire="license")

    (world.folder / "license.yml").unlink()
    world.run("drop table planhat.license")
    assert world.push(segment.connection).total("planned") == 0
    assert retired_models(world.url, segment.connection, folder=world.folder) == {"license": 2}

    report = world.push(segment.connection, retire="license")
    assert (report.status, of(report, "license").removed, report.total("synced")) == (
        "success", 2, 2,
    )  # fmt: skip
    removed = segment.latest()["l1"]
    assert (removed["event"], removed["properties"]["company_external_id"]) == (
        "License Removed", "acme",
    )  # fmt: skip
    assert retired_models(world.url, segment.connection, folder=world.folder) == {}
    with pytest.raises(ProblemError, match="No model invoice was ever pushed"):
        world.push(segment.connection, retire="invoice")
