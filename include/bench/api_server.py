"""A real api-server of Airflow for one measurement, with a database and a home of its own."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

from include.airflow_process import airflow_environment, database_url, sign_in
from include.settings import ROOT, load_settings

PATIENCE_SECONDS = 180


@contextmanager
def api_server(warehouse: str) -> Iterator[httpx.Client]:
    """A client signed in as the operator; `warehouse` is what the page shows.

    Airflow's own tables are in a database beside that one, made here. Raises `RuntimeError` with
    the log's end when it does not start.
    """
    own = urlsplit(warehouse)._replace(path="/bench_airflow").geturl()
    with (
        _database(warehouse, "bench_airflow"),
        tempfile.TemporaryDirectory(prefix="bench-airflow-") as folder,
    ):
        given = {
            "DATA_DIR": folder,
            "AIRFLOW_PORT": str(_free_port()),
            "AIRFLOW_CONN_WAREHOUSE": warehouse,
            # nothing is sent
            "AIRFLOW_CONN_SEGMENT": "http://:key@127.0.0.1:9",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(own),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }
        others = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
        settings = load_settings(given)
        environment = airflow_environment(settings, {**others, **given})
        password = sign_in(settings)["operator"]
        with (Path(folder) / "log.txt").open("w+b") as log:
            for command in (["db", "migrate"], ["dags", "reserialize"]):
                _start(command, environment, log).wait()
            process = _start(["api-server"], environment, log)
            try:
                address = f"http://127.0.0.1:{settings.airflow_port}"
                _wait(f"{address}/api/v2/version", process, log)
                with httpx.Client(base_url=address, timeout=60) as client:
                    token = client.post(
                        "/auth/token", json={"username": "operator", "password": password}
                    ).raise_for_status()
                    client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
                    yield client
            finally:
                process.terminate()
                process.wait(30)


@contextmanager
def _database(url: str, name: str) -> Iterator[None]:
    """A database on the server of `url`, dropped in the end."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            yield
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


def _start(command: list[str], environment: dict[str, str], log: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "airflow", *command], env=environment, cwd=ROOT,
        stdout=log, stderr=log,  # type: ignore[call-overload]
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(url: str, process: subprocess.Popen, log: object) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    log.seek(0)  # type: ignore[attr-defined]
    end = log.read()[-2_000:].decode(errors="replace")  # type: ignore[attr-defined]
    raise RuntimeError(f"Airflow's api-server did not start:\n{end}")


# What every process of Airflow does with the folder of plugins when it starts: once with ours,
# once with an empty one.
_LOAD = """
import json, sys, time
import airflow.plugins_manager
from airflow._shared.plugins_manager import _load_plugins_from_plugin_directory as load
own = time.process_time()
before = set(sys.modules)
plugins, errors = load(sys.argv[1])
print(json.dumps({
    "start": own, "load": time.process_time() - own, "plugins": len(plugins), "errors": errors,
    "imported": sorted({name.split(".")[0] for name in set(sys.modules) - before}),
}))
"""


def plugin_cost(rounds: int = 5) -> dict[str, float]:
    """CPU milliseconds of one process: `{"start", "empty", "ours"}`, the least of `rounds`.

    `start` is what Airflow itself takes before, `empty` loading a folder without plugins. Raises
    `RuntimeError` when loading ours imports any of our own packages.
    """
    found: dict[str, list[float]] = {"start": [], "empty": [], "ours": []}
    with tempfile.TemporaryDirectory(prefix="bench-plugins-") as folder:
        empty = Path(folder) / "plugins"
        empty.mkdir()
        environment = {**os.environ, "AIRFLOW_HOME": folder, "PYTHONPATH": str(ROOT)}
        for _ in range(rounds):
            for name, plugins in (("empty", empty), ("ours", ROOT / "plugins")):
                done = subprocess.run(
                    [sys.executable, "-c", _LOAD, str(plugins)],
                    env=environment, cwd=ROOT, capture_output=True, text=True, check=True,
                )  # fmt: skip
                said = json.loads(done.stdout.splitlines()[-1])
                if said["errors"] or {"include", "plugins"} & set(said["imported"]):
                    raise RuntimeError(f"The plugin is not free to load: {said}")
                found[name].append(said["load"])
                found["start"].append(said["start"])
    return {name: 1000 * min(seconds) for name, seconds in found.items()}
