"""Rules of the house for every DAG; each failure says what to do about it."""

import re
from typing import Any

import pytest

from include.push.catalogue import read_catalogue
from include.schedule import in_words
from include.settings import ROOT, Settings
from tests.dags.conftest import Inside

BY_THE_CLOCK = [
    "build_usage", "forget_people", "keep_retention", "push_planhat_to_segment",
    "push_usage_to_planhat", "read_changed_planhat", "read_planhat",
]  # fmt: skip
WHEN_ASKED = ["answer_held_plans", "compare_with_planhat"]
IDS = [*WHEN_ASKED, *BY_THE_CLOCK]
# Closed: a new tag is a decision, made here.
TAGS = {"planhat", "segment", "push", "read", "usage", "dbt", "privacy"}

Dags = dict[str, Any]


def test_these_are_the_dags(dags: Dags) -> None:
    assert sorted(dags) == sorted(IDS)


@pytest.mark.parametrize("dag_id", IDS)
def test_a_dag_is_documented_by_its_module_for_whoever_is_called_at_night(
    dags: Dags, dag_id: str
) -> None:
    docs = dags[dag_id]["docs"]
    assert docs == dags[dag_id]["file_docs"], "set doc_md=__doc__"
    assert docs.startswith("# ")
    assert "safe to run again?**" in docs, "say whether it may be run again"
    assert "**When it is red.**" in docs, "say what to do when it fails"


@pytest.mark.parametrize("dag_id", BY_THE_CLOCK)
def test_a_schedule_is_said_in_words_beside_the_cron(dags: Dags, dag_id: str) -> None:
    dag = dags[dag_id]
    assert in_words(dag["cron"], dag["timezone"]) in dag["description"]


def test_the_schedules_are_the_settings_defaults(dags: Dags) -> None:
    assert {
        dag_id: (dag["cron"], dag["timezone"]) for dag_id, dag in dags.items() if dag["cron"]
    } == {
        "push_planhat_to_segment": (Settings.push_cron, Settings.push_timezone),
        "push_usage_to_planhat": (Settings.push_to_planhat_cron, "UTC"),
        "build_usage": (Settings.build_cron, "UTC"),
        "read_planhat": (Settings.read_planhat_cron, "UTC"),
        "read_changed_planhat": ("* * * * *", "UTC"),
        "forget_people": ("20 * * * *", "UTC"),
        "keep_retention": ("40 2 * * *", "UTC"),
    }


@pytest.mark.parametrize("dag_id", IDS)
def test_a_dag_makes_up_for_nothing_and_runs_once_at_a_time(dags: Dags, dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["start_date"] is None, "with one in the past, unpausing runs the last missed time"


@pytest.mark.parametrize("dag_id", IDS)
def test_tags_are_of_the_closed_list(dags: Dags, dag_id: str) -> None:
    assert dags[dag_id]["tags"]
    assert set(dags[dag_id]["tags"]) <= TAGS


@pytest.mark.parametrize("dag_id", IDS)
def test_everything_ends_and_is_tried_again(dags: Dags, dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag["timeout"], "set dagrun_timeout"
    for task_id, task in dag["tasks"].items():
        assert task["timeout"], f"{task_id}: set execution_timeout"
        assert task["timeout"] < dag["timeout"], f"{task_id} may outlive its DAG run"
        assert task["retries"] >= 1, f"{task_id}: a short loss of the database should not fail it"


@pytest.mark.parametrize("dag_id", IDS)
def test_names_read_well(dags: Dags, dag_id: str) -> None:
    assert dags[dag_id]["display_name"] != dag_id
    for task_id, task in dags[dag_id]["tasks"].items():
        assert task["display_name"] != task_id, f"{task_id}: set task_display_name"
        assert task["docs"], f"{task_id}: say what it does"


@pytest.mark.parametrize("dag_id", IDS)
def test_every_parameter_has_a_type_and_says_what_it_does(dags: Dags, dag_id: str) -> None:
    assert dags[dag_id]["params"]
    for name, schema in dags[dag_id]["params"].items():
        assert schema["type"] in ("array", "boolean", "string"), name
        assert schema["title"], name
        assert dags[dag_id]["descriptions"][name], name


def test_only_the_pushes_and_what_needs_an_automation_wait_to_be_switched_on(dags: Dags) -> None:
    # Section 3 is on when, and only when, the push DAG is unpaused.
    assert {dag_id: dag["starts_paused"] for dag_id, dag in dags.items()} == {
        "push_planhat_to_segment": None,  # Airflow's default: paused
        "push_usage_to_planhat": None,
        "build_usage": False,
        "read_planhat": False,
        "read_changed_planhat": True,
        "answer_held_plans": False,
        "compare_with_planhat": False,
        "forget_people": False,
        "keep_retention": False,
    }


def test_the_push_offers_the_models_of_the_catalogue(dags: Dags) -> None:
    models = dags["push_planhat_to_segment"]["params"]["models"]
    assert models["items"] == {"type": "string", "enum": list(read_catalogue())}
    assert models["examples"] == list(read_catalogue())


def test_the_push_reports_whatever_became_of_the_rest(dags: Dags) -> None:
    push = dags["push_planhat_to_segment"]
    assert set(push["tasks"]) == {"build", "plan", "deliver", "report"}
    assert push["tasks"]["report"]["trigger_rule"] == "all_done"
    assert push["tasks"]["deliver"]["map_index_template"]
    assert push["has_failure_callback"], "on a time-out the report is skipped"


def test_the_clock_table_lists_every_dag_with_its_words(dags: Dags) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    for dag_id, dag in dags.items():
        (row,) = re.findall(rf"^\| `{dag_id}` \|.*$", text, re.MULTILINE)
        if dag["cron"] is None:
            continue
        assert f"`{dag['cron']}`" in row
        assert in_words(dag["cron"], dag["timezone"]).split(",")[0] in row


def test_cron_and_time_zone_of_the_push_are_settings(inside: Inside) -> None:
    described = inside.ask("describe", PUSH_CRON="30 7 * * 1-5", PUSH_TIMEZONE="Europe/Berlin")
    push = described["dags"]["push_planhat_to_segment"]
    assert (push["cron"], push["timezone"]) == ("30 7 * * 1-5", "Europe/Berlin")
    assert "At 07:30, Monday through Friday, Europe/Berlin" in push["description"]


def test_a_cron_that_is_none_is_an_import_error_in_one_line(inside: Inside) -> None:
    described = inside.ask("describe", PUSH_CRON="three times a day")
    assert "push_planhat_to_segment" not in described["dags"]
    assert described["import_errors"]["push_planhat_to_segment.py"].endswith(
        "PUSH_CRON=three times a day is not a schedule (4 fields): "
        "write five fields like 0 6,12,18 * * *."
    )
    assert set(described["dags"]) == set(IDS) - {"push_planhat_to_segment"}


def test_each_cron_that_airflow_would_refuse_names_its_variable(inside: Inside) -> None:
    wrong = {
        "PUSH_CRON": "0 25 * * *",
        "BUILD_CRON": "0 6 * * 8",
        "READ_PLANHAT_CRON": "0 6 30 2 *",
        "PUSH_TO_PLANHAT_CRON": "5 * * *",
    }
    described = inside.ask("describe", **wrong)
    assert set(described["dags"]) == {
        *WHEN_ASKED, "forget_people", "keep_retention", "read_changed_planhat",
    }  # fmt: skip
    for file, name in (
        ("push_planhat_to_segment.py", "PUSH_CRON"),
        ("build_usage.py", "BUILD_CRON"),
        ("read_planhat.py", "READ_PLANHAT_CRON"),
        ("push_usage_to_planhat.py", "PUSH_TO_PLANHAT_CRON"),
    ):
        assert (
            f"SettingError: {name}={wrong[name]} is not a schedule"
            in (described["import_errors"][file])
        )


def test_a_wrong_parameter_is_refused_before_anything_runs(inside: Inside) -> None:
    wrong = ('{"models": ["compny"]}', '{"models": "company"}', '{"dry_run": "yes"}')
    right = ('{"models": ["company", "enduser"], "dry_run": true}', "{}")
    said = inside.ask("validate", "push_planhat_to_segment", *wrong, *right)
    assert said["accepted"] == list(right)
