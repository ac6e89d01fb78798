"""Airflow's processes that do not answer, from what its health says."""

from datetime import UTC, datetime, timedelta

import pytest

from include.page.processes import SILENT_AFTER_SECONDS, silent

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def health(**seconds: float | None) -> dict:
    """As Airflow's `/monitor/health` writes it; by process, how long ago its heartbeat was."""
    return {"metadatabase": {"status": "healthy"}} | {
        name: {
            "status": "healthy",
            f"latest_{name}_heartbeat": None
            if ago is None
            else (NOW - timedelta(seconds=ago)).isoformat(),
        }
        for name, ago in {
            "scheduler": 1.0,
            "dag_processor": 1.0,
            "triggerer": 1.0,
            **seconds,
        }.items()
    }


def test_while_all_answer_nothing_is_said() -> None:
    assert silent(health(), NOW) == []
    assert silent(health(scheduler=SILENT_AFTER_SECONDS - 1), NOW) == []


@pytest.mark.parametrize("process", ["scheduler", "dag_processor", "triggerer"])
@pytest.mark.parametrize("ago", [SILENT_AFTER_SECONDS + 1, 3600, 9e6])
def test_each_that_does_not_is_named_with_since_when(process: str, ago: float) -> None:
    (said,) = silent(health(**{process: ago}), NOW)
    assert said["process"] == process
    assert datetime.fromisoformat(said["since"]) == NOW - timedelta(seconds=ago)
    assert "make up" in said["text"]


def test_silence_is_said_before_it_has_lasted_half_a_minute() -> None:
    # the page asks every ten seconds
    assert SILENT_AFTER_SECONDS + 10 < 30


def test_one_that_never_ran_is_said_where_airflow_needs_it() -> None:
    said = silent(health(scheduler=None, dag_processor=None, triggerer=None), NOW)
    assert [each["process"] for each in said] == ["scheduler", "dag_processor"]
    assert [each["since"] for each in said] == [None, None]
    assert [each["process"] for each in silent({}, NOW)] == ["scheduler", "dag_processor"]
