"""Asking for the answer to a held plan: the question, the answer kept, and the push that acts."""

import json
from typing import Any

from include.push.guards import answer_plan, held_plans
from tests.dags.conftest import Inside
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import World

ASK = "answer_held_plans"
PUSH = "push_planhat_to_segment"


def hold(world: World, segment: PlayedSegment) -> None:
    """Twelve of twenty companies vanish, and a push holds that."""
    world.fill("company", 20)
    assert world.push(segment.connection).status == "success"
    world.run("delete from planhat.company where object_id <= 'c000012'")
    assert world.push(segment.connection).status == "held"


def task_of(made: dict[str, Any], task_id: str) -> dict[str, Any]:
    return next(each for each in made["tasks"] if each["task_id"] == task_id)


def test_a_held_plan_is_asked_for_and_the_next_push_acts_on_the_answer(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    hold(world, segment)
    made = inside.ask("run_until_asked", ASK, "{}", **connections)
    (question,) = task_of(made, "find")["value"]
    assert (question["model"], question["subject"]) == (
        "company", "Push of company to Segment: 0 added, 0 changed, 12 removed?",
    )  # fmt: skip
    assert "12 of 20 objects would be removed, more than 25%" in question["body"]
    waiting = task_of(made, "ask")
    assert (waiting["state"], waiting["map_index"]) == ("awaiting_input", 0)

    later = inside.ask("answer", ASK, json.dumps(question), "later", **connections)
    assert later == {"kept": {"model": "company", "answer": "later"}}
    assert held_plans(world.url, segment.connection)[0].answer is None

    kept = inside.ask("answer", ASK, json.dumps(question), "all", **connections)
    assert kept == {"kept": {"model": "company", "answer": "all"}}
    (held,) = held_plans(world.url, segment.connection)
    assert (held.answer, held.answered_by) == ("all", "jo")
    report = world.push(segment.connection)
    assert (report.status, report.total("synced")) == ("success", 12)


def test_an_answer_to_a_plan_that_has_changed_is_refused_and_not_kept(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    hold(world, segment)
    question = {
        "kind": "segment", "model": "company", "fingerprint": "another", "subject": "?", "body": "",
    }  # fmt: skip
    late = inside.ask("answer", ASK, json.dumps(question), "all", **connections)
    assert late["refused"].startswith("AirflowFailException: The plan of company has changed")
    assert held_plans(world.url, segment.connection)[0].answer is None


def test_what_is_answered_or_not_held_is_not_asked_for(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    hold(world, segment)
    answer_plan(world.url, segment.connection, "company", "none", answered_by="jo")
    made = inside.ask("run_until_asked", ASK, "{}", **connections)
    assert made["state"] == "success"
    assert task_of(made, "find")["value"] == []
    assert task_of(made, "ask")["state"] == "skipped"


def test_a_push_that_holds_a_plan_sets_the_question_off(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.fill("company", 20)
    world.push(segment.connection)
    calm = inside.ask("run", PUSH, "{}", **connections)
    assert calm["events"] == []
    world.run("delete from planhat.company where object_id <= 'c000012'")
    held = inside.ask("run", PUSH, "{}", **connections)
    assert held["state"] == "failed"
    assert held["events"] == ["held_push_plans"]
