"""The note of a push's DAG run: the report's numbers, where one looks at runs in Airflow.

A task cannot write a note: its interface to Airflow has none. The scheduler can, at the moment when
the run ends, and tells listeners of it.
"""

from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

# Airflow's own limit.
LONGEST_NOTE = 1_000

# What a run is told that has no report, because its time was up.
TIMED_OUT = "Ended at its time limit, without a report. The next push continues."


def write_note(dag_run: DagRun, why: str = "") -> None:
    """Put the value of *Report* in words into the run's note, after what somebody wrote there.

    Of a run that failed before its report: where it failed, or, when `why`, Airflow's word for its
    end, is `timed_out`, that its time was up. Words that are there already are not
    written again.
    """
    has_failed = dag_run.state == DagRunState.FAILED
    session = object_session(dag_run)
    if session is not None:
        # The scheduler's own, which has locked the run: another one would wait for it.
        _write(session, dag_run, has_failed, why)
        return
    with create_session() as own:  # nobody has it, and its state may not be written yet
        run = own.get(DagRun, dag_run.id)
        if run is not None:
            _write(own, run, has_failed, why)


def _write(session: Session, dag_run: DagRun, has_failed: bool, why: str) -> None:
    with session.no_autoflush:
        words = _report(session, dag_run)
        if words is None and why == "timed_out":
            words = TIMED_OUT
        elif words is None and has_failed:
            words = _failure(session, dag_run)
        before = dag_run.note or ""
        if words and words not in before:
            dag_run.note = "\n\n".join(filter(None, [before, words]))[:LONGEST_NOTE]


def _report(session: Session, dag_run: DagRun) -> str | None:
    report = _value(session, dag_run, "report", "return_value")
    return report.get("in_words") if isinstance(report, dict) else None


def _failure(session: Session, dag_run: DagRun) -> str:
    failed = session.scalars(
        select(TaskInstance)
        .where(
            TaskInstance.dag_id == dag_run.dag_id,
            TaskInstance.run_id == dag_run.run_id,
            TaskInstance.state == TaskInstanceState.FAILED,
        )
        .order_by(TaskInstance.end_date)
    ).first()
    if failed is None:
        return "No report: the run was ended before it."
    sent = " Nothing was sent." if failed.task_id in ("build", "plan") else ""
    return f"Failed in {failed.task_display_name}: its log says why.{sent}"


def _value(session: Session, dag_run: DagRun, task_id: str, key: str) -> Any:
    found = session.scalars(
        XComModel.get_many(
            run_id=dag_run.run_id, key=key, dag_ids=[dag_run.dag_id], task_ids=[task_id]
        )
    ).first()
    return XComModel.deserialize_value(found) if found else None
