"""The push DAG run for real: its tasks against a real warehouse and a Segment over HTTP."""

import json
from typing import Any

import pytest

from include.push.cancel import cancel_run
from include.push.steps import open_run
from tests.dags.conftest import Inside
from tests.include.push.played_segment import Answer, PlayedSegment
from tests.include.push.world import World

PUSH = "push_planhat_to_segment"


def run(inside: Inside, connections: dict[str, str], **conf: Any) -> dict[str, Any]:
    return inside.ask("run", PUSH, json.dumps(conf), **connections)


def states(made: dict[str, Any]) -> dict[str, str]:
    """State by task, mapped ones by the name that operators see."""
    return {
        f"deliver {task['name']}" if task["map_index"] >= 0 else task["task_id"]: task["state"]
        for task in made["tasks"]
    }


def value(made: dict[str, Any], task_id: str) -> Any:
    return next(task["value"] for task in made["tasks"] if task["task_id"] == task_id)


def test_a_push_sends_each_model_in_a_task_of_its_name_and_reports(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.put("company", "c1", name="Acme")
    world.put("company", "c2", name="Globex")
    world.put("enduser", "e1", email="ada@acme.example")

    made = run(inside, connections)

    assert made["state"] == "success"
    assert states(made) == {
        "build": "success",
        "plan": "success",
        "deliver company": "success",
        "deliver enduser": "success",
        "report": "success",
    }
    report = value(made, "report")
    assert report["status"] == "success"
    counts = {model: each["synced"] for model, each in report["models"].items() if each["synced"]}
    assert counts == {"company": 2, "enduser": 1}
    assert all(each["errors"] == 0 for each in report["models"].values())
    assert len(segment.accepted) == 3

    assert made["note"].endswith(
        ": success: 3 objects synced; 0 errors, 3 added. company 2, enduser 1."
    )

    again = run(inside, connections)
    assert again["state"] == "success"
    assert again["note"].endswith(": success: 0 objects synced; 0 errors.")
    assert sum(each["synced"] for each in value(again, "report")["models"].values()) == 0
    assert len(segment.accepted) == 3


def test_a_refused_object_makes_its_task_and_the_run_red_and_costs_no_other_model(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.put("company", "c1", name="Acme")
    world.put("company", "c2", name="refuse me")
    world.put("enduser", "e1", email="ada@acme.example")

    def refuse(number: int, batch: list[dict]) -> Answer:
        return Answer(400, takes=False) if "refuse me" in json.dumps(batch) else Answer()

    segment.script = refuse
    made = run(inside, connections)

    assert made["state"] == "failed"
    assert states(made) == {
        "build": "success",
        "plan": "success",
        "deliver company": "failed",
        "deliver enduser": "success",
        "report": "failed",
    }
    # Red, and its value is there all the same.
    report = value(made, "report")
    assert report["status"] == "partial"
    assert (report["models"]["company"]["synced"], report["models"]["company"]["errors"]) == (1, 1)
    assert report["models"]["enduser"]["synced"] == 1
    assert made["note"].endswith(
        ": partial: 2 objects synced; 1 error (http_400), 3 added. company 1, enduser 1. "
        "1 object failed."
    )
    assert {each["groupId"] for each in segment.messages if each["type"] == "group"} == {
        "planhat-c1"
    }


def test_a_dry_run_sends_nothing_and_only_chosen_models_are_considered(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.put("company", "c1", name="Acme")
    world.put("enduser", "e1", email="ada@acme.example")

    dry = run(inside, connections, dry_run=True)
    assert dry["state"] == "success"
    assert value(dry, "report")["status"] == "dry_run"
    assert "planned only, nothing was sent; a push would send 2; 0 errors, 2 added" in dry["note"]
    assert segment.posts == 0

    chosen = run(inside, connections, models=["company"])
    assert list(value(chosen, "report")["models"]) == ["company"]
    assert [each["type"] for each in segment.messages] == ["group"]


def test_a_push_that_finds_another_active_says_so_and_sends_nothing(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.put("company", "c1", name="Acme")
    open_run(world.url, segment.connection, trigger="command", requested_by="ada", owner="another")
    made = run(inside, connections)
    assert made["state"] == "failed"
    assert states(made)["plan"] == "failed"
    assert states(made)["report"] == "failed"
    assert made["note"].startswith("Another push is active: run "), "it has no report"
    assert "asked for by ada" in made["note"]
    assert segment.posts == 0


def test_a_cancelled_task_is_not_tried_again_and_the_run_has_ended(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.put("company", "c1", name="Acme")
    world.put("enduser", "e1", email="ada@acme.example")

    def cancel(number: int, batch: list[dict]) -> Answer:
        ((run_id,),) = world.run("select max(run_id) from sync.runs")
        cancel_run(world.url, run_id, "jo")
        # Longer than any test waits: who is asked to wait and does has not stopped.
        return Answer(503, takes=False, headers={"Retry-After": "250"})

    segment.script = cancel
    made = run(inside, connections)

    assert made["state"] == "failed"
    assert states(made) == {
        "build": "success",
        "plan": "success",
        "deliver company": "failed",
        "deliver enduser": "failed",
        "report": "failed",
    }
    assert {task["tries"] for task in made["tasks"]} == {1}
    assert world.run("select status, reason from sync.runs") == [("cancelled", "cancelled by jo")]
    assert segment.posts == 1
    assert "cancelled by jo" in made["note"]


@pytest.mark.parametrize(
    ("dag_id", "conf", "task_id"),
    [
        (PUSH, {"model": ["campaign"]}, "build"),
        (PUSH, {"models": ["company"], "dryrun": True}, "build"),
        ("build_usage", {"ful": True}, "build"),
        ("read_planhat", {"deletion": "never"}, "read"),
        ("answer_held_plans", {"model": ["company"]}, "find"),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_before_anything_is_done(
    inside: Inside,
    world: World,
    segment: PlayedSegment,
    connections: dict[str, str],
    dag_id: str,
    conf: dict[str, Any],
    task_id: str,
) -> None:
    world.put("company", "c1", name="Acme")
    made = inside.ask("run", dag_id, json.dumps(conf), **connections)
    assert made["state"] == "failed"
    tasks = {task["task_id"]: task for task in made["tasks"]}
    assert (tasks[task_id]["state"], tasks[task_id]["tries"]) == ("failed", 1)
    assert segment.posts == 0
    assert world.run("select count(*) from sync.runs") == [(0,)]


def test_a_run_that_fails_before_its_plan_says_in_its_note_where(
    inside: Inside, connections: dict[str, str]
) -> None:
    nowhere = {**connections, "AIRFLOW_CONN_WAREHOUSE": "postgresql://u:p@127.0.0.1:1/nowhere"}
    made = inside.ask("run_once", PUSH, "{}", **nowhere)
    assert made["state"] == "failed"
    assert made["note"] == "Failed in Build: its log says why. Nothing was sent."


def test_a_run_that_reached_its_time_limit_is_closed(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    run_id = open_run(
        world.url, segment.connection, trigger="api", requested_by="ada", owner="manual__1"
    )
    inside.ask("time_out", PUSH, "manual__1", **connections)
    rows = world.run("select run_id, status, reason from sync.runs")
    assert rows == [(run_id, "timed_out", "the DAG run reached its time limit")]


def test_a_dry_run_that_reached_its_time_limit_is_closed_and_claims_nothing(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    asked = {"trigger": "api", "requested_by": "ada", "dry_run": True}
    run_id = open_run(world.url, segment.connection, owner="manual__1", **asked)
    inside.ask("time_out", PUSH, "manual__1", **connections)
    rows = world.run(
        "select run_id, status, reason, is_dry, finished_at is not null from sync.runs"
    )
    assert rows == [(run_id, "timed_out", "the DAG run reached its time limit", True, True)]


def test_a_run_that_the_button_has_triggered_is_kept_as_such(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    # Timed out before it planned: its row is made for the record.
    inside.ask("time_out", PUSH, "button__2026-03-01T09:30:00+00:00", **connections)
    assert world.run("select trigger, status from sync.runs") == [("button", "timed_out")]
