"""One real Airflow api-server for all of these tests, with the page in it and four kinds of user.

Its metadata and the warehouse that the page shows are two databases of the test server; the second
is emptied for each test.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from include.connections import PlanhatConnection
from include.played_planhat.app import PlayedPlanhat
from include.settings import ROOT, SegmentConnection, Settings
from include.warehouse import embedded
from tests.include.push.to_planhat.world import World

USERS = {"admin": "admin", "operator": "op", "user": "user", "viewer": "viewer"}
PUSH_DAG = "push_planhat_to_segment"
TO_PLANHAT = "push_usage_to_planhat"
FORGET = "forget_people"
# Nothing is sent here: only its name in the ledger matters.
DESTINATION = SegmentConnection("http://127.0.0.1:9", "a-key").destination

# Where Segment would reach the collector: what the page says to type.
PUBLIC = "https://calls.example.com"

# Without a scheduler nothing runs what is triggered, so a run stays queued: the tests say what
# became of it by writing the push's own tables.
DAGS = f'''
from airflow.sdk import DAG, Param
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG(
    "{PUSH_DAG}",
    schedule="0 6,12,18 * * *",
    catchup=False,
    max_active_runs=1,
    params={{
        "models": Param([], type="array"),
        "dry_run": Param(False, type="boolean"),
        "full_resync": Param(False, type="boolean"),
    }},
):
    EmptyOperator(task_id="plan")

with DAG(
    "{TO_PLANHAT}",
    schedule="5 * * * *",
    catchup=False,
    max_active_runs=1,
    params={{"models": Param([], type="array"), "dry_run": Param(False, type="boolean")}},
):
    EmptyOperator(task_id="plan")

with DAG("{FORGET}", schedule=None, params={{"again": Param(False, type="boolean")}}):
    EmptyOperator(task_id="forget")
'''

# Planhat's connection is kept in Airflow's own database, so that a test can take it away.
PLANHAT = PlanhatConnection(
    "http://127.0.0.1:9", "a-token", "01234567-89ab-cdef-0123-456789abcdef", "http://127.0.0.1:9"
)
APP_LINK = "https://app.example/acme/{model}?preview={Model}.{id}"


@dataclass
class Airflow:
    """A running api-server: `url` of it, `warehouse` of what its page shows."""

    url: str
    warehouse: str
    metadata: str
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, user: str | None, **more: Any) -> httpx.Client:
        """A client of the page, signed in as `user`; anonymous with None."""
        headers = {"X-Requested-With": "planhat-segment"}
        if user:
            headers["Authorization"] = f"Bearer {self.token(user)}"
        return httpx.Client(
            base_url=self.url + "/planhat-segment",
            headers=headers | more.pop("headers", {}),
            timeout=30,
            **more,
        )

    def token(self, user: str) -> str:
        if user not in self.tokens:
            answer = httpx.post(
                f"{self.url}/auth/token", json={"username": user, "password": user}, timeout=30
            )
            answer.raise_for_status()
            self.tokens[user] = answer.json()["access_token"]
        return self.tokens[user]

    def connect_planhat(self, to: PlanhatConnection | None) -> None:
        """Name the tenant to push to, or none."""
        address = f"{self.url}/api/v2/connections"
        headers = {"Authorization": f"Bearer {self.token('admin')}"}
        httpx.delete(f"{address}/planhat", headers=headers, timeout=30)
        if to is None:
            return
        place = urlsplit(to.host)
        httpx.post(
            address,
            headers=headers,
            json={
                "connection_id": "planhat", "conn_type": "http", "host": place.hostname,
                "port": place.port, "password": to.token, "schema": "http",
                "extra": json.dumps({"tenant_token": to.tenant_token}),
            },
            timeout=30,
        ).raise_for_status()  # fmt: skip

    def set_paused(self, is_paused: bool, dag_id: str = PUSH_DAG) -> None:
        httpx.patch(
            f"{self.url}/api/v2/dags/{dag_id}",
            headers={"Authorization": f"Bearer {self.token('admin')}"},
            json={"is_paused": is_paused},
            timeout=30,
        ).raise_for_status()

    def runs(self, dag_id: str = PUSH_DAG) -> list[dict[str, Any]]:
        """A push DAG's runs as Airflow knows them, newest first."""
        answer = httpx.get(
            f"{self.url}/api/v2/dags/{dag_id}/dagRuns",
            headers={"Authorization": f"Bearer {self.token('admin')}"},
            params={"order_by": "-run_after"},
            timeout=30,
        )
        return answer.json()["dag_runs"]

    def fail_run(self, dag_run_id: str) -> None:
        httpx.patch(
            f"{self.url}/api/v2/dags/{PUSH_DAG}/dagRuns/{dag_run_id}",
            headers={"Authorization": f"Bearer {self.token('admin')}"},
            json={"state": "failed"},
            timeout=30,
        ).raise_for_status()

    def forget_runs(self) -> None:
        with psycopg.connect(self.metadata) as connection:
            connection.execute("delete from dag_run")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: install requirements.txt"
    )
    installed = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with playwright.sync_playwright() as running:
        own = running.chromium.executable_path
        path = next(installed, None) or (own if Path(own).exists() else None)
        if path is None:
            pytest.skip("no browser: install one with `apt-get install chromium`")
        # No sandbox of its own: as root, and in most containers, Chromium cannot make one.
        launched = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def api_server(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Started once: migrating Airflow's metadata and starting it take about 20 seconds."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "push.py").write_text(DAGS)
    (home / "passwords.json").write_text(json.dumps({name: name for name in USERS}))
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute("create database page template warehouse strategy file_copy")
    warehouse = embedded.server_url(server, "page")
    metadata = embedded.server_url(server, "airflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "DATA_DIR": str(server.data_dir),
        "COLLECTOR_PUBLIC_URL": PUBLIC,
        "PLANHAT_APP_LINK": APP_LINK,
        "AIRFLOW_CONN_WAREHOUSE": warehouse,
        "AIRFLOW_CONN_SEGMENT": "http://:a-key@127.0.0.1:9",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{name}:{role}" for name, role in USERS.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.replace(
            "postgresql://", "postgresql+psycopg2://"
        ),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests, long enough for its algorithm",
        "AIRFLOW__API__SECRET_KEY": "another secret of the tests",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }
    log = home / "log.txt"
    with log.open("wb") as output:
        options: dict[str, Any] = {"env": environment, "stdout": output, "stderr": output}
        for command in (["db", "migrate"], ["dags", "reserialize"]):
            done = subprocess.run(
                [sys.executable, "-m", "airflow", *command], check=False, **options
            )
            assert done.returncode == 0, log.read_text()[-3_000:]
        process = subprocess.Popen(
            [
                sys.executable, "-m", "airflow", "api-server",
                "--host", "127.0.0.1", "--port", str(port),
            ],
            start_new_session=True,
            **options,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/api/v2/version", process, log)
            yield Airflow(f"http://127.0.0.1:{port}", warehouse, metadata)
        finally:
            end(process)


@pytest.fixture
def airflow(api_server: Airflow) -> Airflow:
    """The api-server with an empty warehouse, the push DAGs active, and no run of them."""
    with psycopg.connect(api_server.warehouse, autocommit=True) as connection:
        connection.execute(EMPTY)
    api_server.forget_runs()
    for dag_id in (PUSH_DAG, TO_PLANHAT):
        api_server.set_paused(False, dag_id)
    api_server.connect_planhat(PLANHAT)
    return api_server


# Making the database anew takes seconds, so it is emptied.
EMPTY = """
    drop schema if exists marts cascade;
    drop schema if exists intermediate cascade;
    drop schema if exists to_planhat cascade;
    truncate sync.runs, sync.batches, sync.company_metrics, sync.objects, sync.planned,
        sync.resyncs, sync.plan_answers, sync.alerts_acknowledged, sync.blocked_identities,
        sync.excluded, sync.company_aliases, sync.dismissed_aliases, sync.plan_warnings,
        sync.stop_requests, sync.destinations, sync.outcome_answers, sync.segment_outbound,
        sync.suppressed, sync.forget_requests, sync.forgettings,
        raw_segment.sources, raw_segment.intake, raw_segment.events, raw_segment.quarantine,
        raw_planhat.objects
        restart identity cascade;
    delete from sync.switches where valid_from > '-infinity';
"""


@pytest.fixture
def world(airflow: Airflow, server: Settings, played: PlayedPlanhat, played_address: str) -> World:
    """The page's own warehouse, with tables for the tenant that the page is connected to."""
    played.switches = played.switches.turned(aggregation="LAST")
    played.sinks.aggregations["sum"] = "SUM"
    world = World(airflow.warehouse, server, played, played_address)
    airflow.connect_planhat(world.to)
    return world


@pytest.fixture
def people(world: World) -> list[dict]:
    """Three of Planhat's endusers."""
    return [
        world.document(
            "endusers", companyId=company, externalId=f"p{number}", email=f"p{number}@acme.test"
        )
        for number, company in enumerate(world.companies)
    ]


@pytest.fixture
def told(airflow: Airflow, stories: str, server: Settings) -> Iterator[Airflow]:
    """The api-server with a warehouse that was really built and pushed."""
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute("drop database page with (force)")
        admin.execute("create database page template stories strategy file_copy")
        yield airflow
        admin.execute("drop database page with (force)")
        admin.execute("create database page template warehouse strategy file_copy")


@pytest.fixture
def lost_warehouse(airflow: Airflow, server: Settings) -> Iterator[psycopg.Connection]:
    """The server of a warehouse that is gone; its database is made again after the test."""
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute("drop database page with (force)")
        yield admin
        admin.execute("drop database if exists page with (force)")
        admin.execute("create database page template warehouse strategy file_copy")


def end(process: subprocess.Popen) -> None:
    """End a process that was started in a session of its own, and all that it started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until `process` answers at `url`; its log is in the failure."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise AssertionError(f"The api-server did not start:\n{log.read_text()[-3_000:]}")
