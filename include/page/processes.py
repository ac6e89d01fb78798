"""Airflow's own processes that do not answer: said beside the button before anybody presses it."""

from datetime import datetime
from typing import Any

# A process writes its heartbeat every five seconds, later when it is busy. The page asks every ten:
# silence is said before it has lasted half a minute.
SILENT_AFTER_SECONDS = 15

# In Airflow's names: what waits while it is silent.
_MEANING = {
    "scheduler": "A push that is triggered now waits until it is back.",
    "dag_processor": "Changes of DAGs, and new ones, are not read until it is back.",
    "triggerer": "A task that waits for something outside goes on when it is back.",
}
_WAY_OUT = "`make status` says what runs, `make up` starts what does not."


def silent(health: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Those without a heartbeat of late: `[{"process", "since", "text"}]`.

    `health` is what Airflow's `/monitor/health` says; `since` is its last heartbeat, null where it
    has never had one. A triggerer that never ran is none that is missed: Airflow works without.
    """
    found = []
    for process, meaning in _MEANING.items():
        since = (health.get(process) or {}).get(f"latest_{process}_heartbeat")
        if since is None and process == "triggerer":
            continue
        if (
            since is None
            or (now - datetime.fromisoformat(since)).total_seconds() > SILENT_AFTER_SECONDS
        ):
            found.append({"process": process, "since": since, "text": f"{meaning} {_WAY_OUT}"})
    return found
