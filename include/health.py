"""Is one service well? `python -m include.health airflow-scheduler http://airflow-apiserver:8080`

For health checks: exit 0 and nothing said, or exit 1 and one line. The collector and the API server
are asked themselves; Airflow's other parts have no port, and the API server knows their heartbeats.
"""

import json
import sys
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

# Airflow's own names of the parts whose heartbeats it reports, by ours of the processes.
AIRFLOW_PARTS = {
    "airflow-scheduler": "scheduler",
    "airflow-dag-processor": "dag_processor",
    "airflow-triggerer": "triggerer",
}


def problem(service: str, address: str) -> str | None:
    """Why the service is not well, asked at `address`; None when it is."""
    path = "/health" if service == "collector" else "/api/v2/monitor/health"
    try:
        with urlopen(address + path, timeout=8) as answer:  # noqa: S310  http, from our own files
            said: Any = json.load(answer)
    except (URLError, OSError, ValueError) as error:
        return f"{service}: {address} does not answer ({error})"
    part = AIRFLOW_PARTS.get(service)
    if part and said[part]["status"] != "healthy":
        return f"{service}: last heartbeat {said[part].get(f'latest_{part}_heartbeat')}"
    return None


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1], sys.argv[2]))
