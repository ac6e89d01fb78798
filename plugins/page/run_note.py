"""The note of a push's DAG run: the report's numbers, where one looks at runs in Airflow.

A task cannot write a note: its interface to Airflow has none. The scheduler can, at the moment when
the run ends, and tells listeners of it.
"""

from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy.orm import Session, object_session

# Airflow's own limit.
LONGEST_NOTE = 1_000


# What a run is told that has no report, because its time was up.
TIMED_OUT = "Ended at its time limit, without a report. The next push continues."


def write_note(dag_run: DagRun, why: str = "") -> None:
    """Put the value of *Report* in words into the run's note, after what somebody wrote there.

    `why` is Airflow's word for the end (`timed_out`). Nothing is written when the run has neither
    a report nor that, or has the words already.
    """
    session = object_session(dag_run)
    if session is not None:
        # The scheduler's own, which has locked the run: another one would wait for it.
        _write(session, dag_run, why)
        return
    with create_session() as own:  # nobody has it
        run = own.get(DagRun, dag_run.id)
        if run is not None:
            _write(own, run, why)


def _write(session: Session, dag_run: DagRun, why: str) -> None:
    with session.no_autoflush:
        words = _words(session, dag_run) or (TIMED_OUT if why == "timed_out" else None)
        before = dag_run.note or ""
        if words and words not in before:
            dag_run.note = "\n\n".join(filter(None, [before, words]))[:LONGEST_NOTE]


def _words(session: Session, dag_run: DagRun) -> str | None:
    found = session.scalars(
        XComModel.get_many(
            run_id=dag_run.run_id,
            key="return_value",
            dag_ids=[dag_run.dag_id],
            task_ids=["report"],
        )
    ).first()
    report: Any = XComModel.deserialize_value(found) if found else None
    return report.get("in_words") if isinstance(report, dict) else None
