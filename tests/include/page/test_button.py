"""The push button: enabled, or one reason that says what to do."""

from dataclasses import replace

import pytest

from include.page.button import PushDag, push_button

READY = PushDag(is_known=True, is_paused=False)
RUN = {
    "status": "running",
    "started_at": "2026-03-02T14:02:31+00:00",
    "requested_by": "operator",
    "model": "enduser",
    "percent": 61,
}
QUEUED = ({"state": "queued", "since": "2026-03-02T14:02:31+00:00", "by": "operator"},)


def test_the_button_is_enabled_when_nothing_speaks_against_it():
    assert push_button(READY, may_push=True, active_run=None) == {"enabled": True}


@pytest.mark.parametrize(
    ("dag", "may_push", "active_run", "problem", "code", "says"),
    [
        (READY, False, None, None, "not_allowed", "not trigger the push"),
        (PushDag(is_known=False), True, None, None, "no_dag", "does not know the push DAG"),
        (
            replace(READY, has_import_errors=True), True, None, None,
            "broken_dag", "import error",
        ),
        (replace(READY, is_paused=True), True, None, None, "not_active", "Activate it first"),
        (
            READY, True, RUN, None,
            "running", "running since 14:02 UTC by operator, in model enduser, 61%",
        ),
        (
            replace(READY, runs=QUEUED), True, None, None,
            "queued", "triggered at 14:02 UTC by operator and is queued",
        ),
        (READY, True, None, "Postgres does not answer.", "warehouse", "Postgres does not answer."),
    ],
)  # fmt: skip
def test_each_reason_is_named_and_says_what_to_do(dag, may_push, active_run, problem, code, says):
    button = push_button(dag, may_push=may_push, active_run=active_run, warehouse_problem=problem)

    assert button["enabled"] is False
    assert button["code"] == code
    assert says in button["text"]


def test_without_a_connection_nothing_is_pushed_whatever_the_dag_is():
    button = push_button(
        replace(READY, is_paused=True), may_push=True, active_run=None,
        connection_problem="Planhat is not connected.",
    )  # fmt: skip

    assert button == {
        "enabled": False, "code": "no_connection", "text": "Planhat is not connected.",
    }  # fmt: skip


def test_a_person_who_may_not_push_is_told_so_before_anything_else():
    paused = replace(READY, is_paused=True)

    assert push_button(paused, may_push=False, active_run=RUN)["code"] == "not_allowed"


def test_a_run_that_is_still_planning_has_no_model_and_no_share():
    planning = RUN | {"model": None, "percent": None}

    text = push_button(READY, may_push=True, active_run=planning)["text"]

    assert text == "A push is running since 14:02 UTC by operator."


def test_a_run_that_has_ended_in_airflow_does_not_hold_the_button_back():
    ended = replace(READY, runs=({"state": "failed", "since": None, "by": "operator"},))

    assert push_button(ended, may_push=True, active_run=None) == {"enabled": True}
    assert ended.newest["state"] == "failed"


def test_the_integration_is_active_only_while_the_dag_is_known_and_not_paused():
    assert READY.is_active
    assert not replace(READY, is_paused=True).is_active
    assert not replace(READY, is_known=False).is_active
