"""Whether a push's button can be pressed, and if not, why: in words and by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class PushDag:
    """What Airflow says of the push DAG to the person who asks."""

    is_known: bool
    is_paused: bool = True
    has_import_errors: bool = False
    # its newest runs in Airflow, newest first: {"dag_run_id", "state", "since", "by"}
    runs: tuple[dict[str, Any], ...] = ()
    next_run_at: str | None = None
    schedule: str | None = None

    @property
    def is_active(self) -> bool:
        """Of the push to Segment: section 3, and with it the integration's mark, is on."""
        return self.is_known and not self.is_paused

    @property
    def newest(self) -> dict[str, Any] | None:
        """Its newest run, whatever became of it."""
        return self.runs[0] if self.runs else None

    @property
    def unfinished(self) -> dict[str, Any] | None:
        """The oldest run that waits or is under way."""
        found = [run for run in self.runs if run["state"] in ("queued", "running")]
        return found[-1] if found else None


def push_button(
    dag: PushDag,
    *,
    may_push: bool,
    active_run: dict[str, Any] | None,
    connection_problem: str | None = None,
    warehouse_problem: str | None = None,
) -> dict[str, Any]:
    """`{"enabled": True}`, or `{"enabled": False, "code", "text"}`: the first reason.

    `active_run` is what `runs.active` says; with it, `run` is in the answer.
    """
    against = _reasons(dag, may_push, active_run, connection_problem, warehouse_problem)
    return next(against, {"enabled": True})


def _reasons(
    dag: PushDag,
    may_push: bool,
    active_run: dict[str, Any] | None,
    connection_problem: str | None,
    warehouse_problem: str | None,
) -> Iterator[dict[str, Any]]:
    if not may_push:
        yield _disabled(
            "not_allowed",
            "You may read this page but not trigger the push. "
            "Ask an Airflow administrator for a role that may trigger the DAG.",
        )
    if not dag.is_known:
        yield _disabled(
            "no_dag",
            "Airflow does not know the push DAG yet. It appears within a minute of Airflow's "
            "start; if it does not, look at the import errors on Airflow's home page.",
        )
    if dag.has_import_errors:
        yield _disabled(
            "broken_dag",
            "The push DAG's file cannot be read. Airflow's home page shows the import error.",
        )
    if connection_problem:
        yield _disabled("no_connection", connection_problem)
    if dag.is_paused:
        yield _disabled(
            "not_active",
            "Data push is not active: the push DAG is paused. Activate it first.",
        )
    if active_run:
        yield _disabled("running", _running_words(active_run), run=active_run)
    if first := dag.unfinished:
        yield _disabled(
            "queued",
            f"A push was triggered at {_clock(first['since'])} by {first['by']} "
            f"and is {first['state']} in Airflow.",
            run=first,
        )
    if warehouse_problem:
        yield _disabled("warehouse", warehouse_problem)


def _disabled(code: str, text: str, **more: Any) -> dict[str, Any]:
    return {"enabled": False, "code": code, "text": text, **more}


def _running_words(run: dict[str, Any]) -> str:
    words = f"A push is {run['status']} since {_clock(run['started_at'])} by {run['requested_by']}"
    if run.get("model"):
        words += f", in model {run['model']}"
    if run.get("percent") is not None:
        words += f", {run['percent']}%"
    return words + "."


def _clock(moment: str | datetime | None) -> str:
    if moment is None:
        return "an unknown time"
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{known:%H:%M} UTC"
