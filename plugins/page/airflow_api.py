"""Airflow's own public API, asked inside the api-server with the caller's own sign-in.

So Airflow decides what the caller may know and do, validates a push's parameters and writes its
audit log, as if the person had used Airflow's page.
"""

from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import Request

from include.page import processes
from include.page.button import PushDag
from include.push.runs import BUTTON_RUN
from plugins.page.in_words import AWAY

# How a caller signs in: a client's token, or the browser's cookie.
SIGN_IN = ("authorization", "cookie")


class AirflowRefusedError(Exception):
    """Airflow answered with an error: `status` and a sentence of Airflow's."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


async def push_dag(request: Request, dag_id: str) -> PushDag:
    """A push DAG as Airflow knows it; `is_known` is False when it does not (yet)."""
    try:
        dag = await _ask(request, "GET", f"/dags/{dag_id}")
    except AirflowRefusedError as refused:
        if refused.status == 404:
            return PushDag(is_known=False)
        raise
    newest = await _ask(
        request,
        "GET",
        f"/dags/{dag_id}/dagRuns",
        params={"order_by": "-run_after", "limit": 10},
    )
    return PushDag(
        is_known=not dag["is_stale"],
        is_paused=dag["is_paused"],
        has_import_errors=dag["has_import_errors"],
        runs=tuple(_run(run) for run in newest["dag_runs"]),
        next_run_at=dag["next_dagrun_run_after"],
        schedule=dag["timetable_description"] or dag["timetable_summary"],
    )


def _run(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "dag_run_id": run["dag_run_id"],
        "state": run["state"],
        "since": run["start_date"] or run["queued_at"] or run["run_after"],
        "by": run["triggering_user_name"] or "the schedule",
    }


async def silent_processes(request: Request) -> list[dict[str, Any]]:
    """Airflow's processes that do not answer, as `include.page.processes.silent` says."""
    return processes.silent(await _ask(request, "GET", "/monitor/health"), datetime.now(UTC))


async def trigger_push(request: Request, dag_id: str, conf: dict[str, Any], note: str) -> str:
    """Trigger a push DAG as the caller; return the DAG run's id. Raises `AirflowRefusedError`."""
    answer = await _ask(
        request,
        "POST",
        f"/dags/{dag_id}/dagRuns",
        json={
            "dag_run_id": f"{BUTTON_RUN}{datetime.now(UTC).isoformat()}",
            "logical_date": None,
            "conf": conf,
            "note": note,
        },
    )
    return answer["dag_run_id"]


async def set_paused(request: Request, dag_id: str, is_paused: bool) -> None:
    """Pause or unpause a push DAG as the caller. Raises `AirflowRefusedError`."""
    await _ask(
        request,
        "PATCH",
        f"/dags/{dag_id}",
        params={"update_mask": "is_paused"},
        json={"is_paused": is_paused},
    )


async def _ask(request: Request, method: str, path: str, **more: Any) -> dict[str, Any]:
    own = {name: request.headers[name] for name in SIGN_IN if name in request.headers}
    transport = httpx.ASGITransport(app=request.scope["airflow_app"])
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow/api/v2") as client:
        answer = await client.request(method, path, headers=own, **more)
    if answer.is_success:
        return answer.json()
    raise AirflowRefusedError(answer.status_code, _sentence(answer))


def _sentence(answer: httpx.Response) -> str:
    try:
        detail = answer.json().get("detail")
    except ValueError:
        detail = None
    if isinstance(detail, str) and detail:
        return detail
    # of its database it says more than a line, and to its own log
    return AWAY if answer.status_code >= 500 else f"Airflow answered {answer.status_code}."
