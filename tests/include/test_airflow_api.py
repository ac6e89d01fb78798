"""What is said of a run's tasks while one waits for it."""

from typing import Any

from include.airflow_api import describe


def task(name: str | None, state: str, index: int = -1, title: str = "Deliver") -> dict[str, Any]:
    """A task instance as Airflow's API gives it."""
    return {
        "state": state,
        "map_index": index,
        "rendered_map_index": name,
        "task_display_name": title,
    }


def test_tasks_are_said_by_their_model_and_never_by_a_bare_number() -> None:
    tasks = [
        task(None, "success", title="Build"),
        task("company", "running", 0),
        task("enduser", "running", 1),
        # Not begun: Airflow gives its number for a name.
        task("2", "running", 2),
        task("3", "running", 3),
        task("4", "up_for_retry", 4),
    ]
    assert describe(tasks) == (
        "running company, enduser, 2 tasks Deliver; Deliver failed and will be tried again; "
        "1 of 6 tasks done"
    )


def test_between_two_tasks_nothing_runs() -> None:
    assert describe([task(None, "success", title="Build"), task(None, "scheduled")]) == (
        "between two tasks; 1 of 2 tasks done"
    )
