"""Asks Airflow over its public REST API, as a signed-in user."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from include.errors import ServiceError
from include.settings import Settings

ENDED = ("success", "failed")
FAILED = ("failed", "upstream_failed")


def address(settings: Settings) -> str:
    """Where Airflow listens, `http://127.0.0.1:8080`."""
    host = "127.0.0.1" if settings.airflow_host in ("0.0.0.0", "::") else settings.airflow_host  # noqa: S104
    return f"http://{host}:{settings.airflow_port}"


def health(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """Airflow's word on its parts, or None while its API server does not answer."""
    try:
        answer = httpx.get(f"{address(settings)}/api/v2/monitor/health", timeout=5)
        return answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None


class AirflowApi:
    """A signed-in session. Every call raises `ServiceError`, in one line, when it is refused."""

    def __init__(self, settings: Settings, user: str, password: str) -> None:
        self._client = httpx.Client(base_url=address(settings), timeout=30)
        answer = self._send("POST", "/auth/token", json={"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def __enter__(self) -> "AirflowApi":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def wait_for_dag(self, dag_id: str, *, patience: float, say: Callable[[str], None]) -> None:
        """Wait until the DAG was read. Raises `ServiceError` with the import error, if any."""
        started = said = time.monotonic()
        while self._get(f"/api/v2/dags/{dag_id}", missing=None) is None:
            now = time.monotonic()
            if now - started > patience:
                raise ServiceError(f"Airflow did not find the DAG {dag_id}{self._import_error()}")
            if now - said > 4:
                said = now
                say(f"waiting for Airflow to read {dag_id}: {now - started:.0f} s")
            time.sleep(0.5)

    def unpause(self, dag_id: str) -> None:
        """Switch the DAG on: a paused DAG takes a trigger and leaves the run queued, silently."""
        self._send("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any], note: str) -> str:
        """Start a run of the DAG; return its run id."""
        body = {"logical_date": None, "conf": conf, "note": note}
        return self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]

    def active_runs(self, dag_id: str) -> list[str]:
        """Run ids of the DAG's queued and running runs."""
        path = f"/api/v2/dags/{dag_id}/dagRuns?state=queued&state=running"
        return [run["dag_run_id"] for run in self._get(path)["dag_runs"]]

    def run_state(self, dag_id: str, run_id: str) -> str:
        """`queued`, `running`, `success` or `failed`."""
        return self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances, as Airflow gives them."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100"
        return self._get(path)["task_instances"]

    def wait_for_run(
        self, dag_id: str, run_id: str, *, patience: float, say: Callable[[str], None]
    ) -> str:
        """Wait for the end of a run, saying which tasks run; return its state."""
        started = said = time.monotonic()
        while (state := self.run_state(dag_id, run_id)) not in ENDED:
            now = time.monotonic()
            if now - started > patience:
                raise ServiceError(
                    f"{dag_id} has not ended after {patience:.0f} s: see "
                    f"{self._client.base_url}/dags/{dag_id}/runs/{run_id}"
                )
            if now - said > 4:
                said = now
                say(f"{dag_id}: {now - started:.0f} s · {describe(self.tasks(dag_id, run_id))}")
            time.sleep(0.5)
        return state

    def _import_error(self) -> str:
        errors = self._get("/api/v2/importErrors")["import_errors"]
        if not errors:
            return ": is dags/ readable?"
        return f": {errors[0]['stack_trace'].strip().splitlines()[-1]}"

    def _get(self, path: str, **options: Any) -> Any:
        return self._send("GET", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> Any:
        allowed_missing = "missing" in options
        options.pop("missing", None)
        # The API server is restarted when it dies: be patient for a few seconds.
        for attempt in range(6):
            try:
                answer = self._client.request(method, path, **options)
            except httpx.TransportError as error:
                if attempt == 5 or method not in ("GET", "PATCH"):
                    raise ServiceError(
                        f"Airflow at {self._client.base_url} does not answer ({error}): "
                        "see `make status`"
                    ) from None
                time.sleep(1)
                continue
            break
        if answer.status_code == 404 and allowed_missing:
            return None
        if answer.is_error:
            raise ServiceError(f"Airflow refused {method} {path}: {_reason(answer)}")
        return answer.json()


def describe(tasks: list[dict[str, Any]]) -> str:
    """Task instances in a few words: `running enduser, license; 11 of 19 tasks done`."""
    running = _names(tasks, "running")
    again = _names(tasks, "up_for_retry")
    done = sum(task["state"] in ("success", "skipped", *FAILED) for task in tasks)
    what = [f"running {', '.join(running)}"] if running else []
    what += [f"{', '.join(again)} failed and will be tried again"] if again else []
    return f"{'; '.join(what) or 'between two tasks'}; {done} of {len(tasks)} tasks done"


def _names(tasks: list[dict[str, Any]], state: str) -> list[str]:
    """By the model that they are for; those that have not said yet which, counted."""
    named, counted = [], Counter[str]()
    for task in tasks:
        if task["state"] != state:
            continue
        said = task.get("rendered_map_index")
        # Until a mapped task has begun its work, Airflow knows its number alone.
        if said and said != str(task.get("map_index")):
            named.append(said)
        else:
            counted[task["task_display_name"]] += 1
    return named + [
        name if times == 1 else f"{times} tasks {name}" for name, times in counted.items()
    ]


def _reason(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:200]
    if isinstance(detail, dict):
        detail = detail.get("reason") or detail
    return f"{answer.status_code} {detail}"
