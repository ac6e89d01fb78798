"""Airflow with the project's own configuration, asked in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from include.airflow_process import airflow_environment
from include.push.catalogue import FOLDERS
from include.settings import ROOT, Settings, load_settings
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import World

SCRIPT = str(ROOT / "tests" / "dags" / "inside_airflow.py")


@dataclass
class Inside:
    """Airflow on the files in dags/. `environment` is completed by what a test gives."""

    environment: dict[str, str]
    folder: Path
    process: subprocess.Popen[str]

    def ask(self, *arguments: str, **variables: str) -> dict[str, Any]:
        question = {
            "arguments": arguments,
            "environment": {**self.environment, **variables},
            "output": str(self.folder),
        }
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline().strip()
        assert code == "0", (self.folder / "stderr").read_text()[-4_000:]
        return json.loads((self.folder / "stdout").read_text().splitlines()[-1])


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Made once: Airflow's database takes seconds, and importing it as many."""
    home = tmp_path_factory.mktemp("dags")
    given = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(home),
        # Nobody listens there: a test that needs them gives others.
        "AIRFLOW_CONN_WAREHOUSE": "postgresql://nobody:nothing@127.0.0.1:1/nowhere",
        "AIRFLOW_CONN_SEGMENT": "http://:key@127.0.0.1:1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    environment = airflow_environment(load_settings(given), given)
    migrated = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert migrated.returncode == 0, migrated.stderr[-2_000:]
    said = (home / "airflow.txt").open("w")
    with subprocess.Popen(
        [sys.executable, SCRIPT],
        env=environment, cwd="/", text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
    ) as process:  # fmt: skip
        yield Inside(environment, home, process)
        process.terminate()


@pytest.fixture(scope="session")
def dags(inside: Inside) -> dict[str, Any]:
    """Every DAG by its id, described. None may be broken."""
    described = inside.ask("describe")
    assert described["import_errors"] == {}
    return described["dags"]


@pytest.fixture
def world(warehouse: str, settings: Settings) -> World:
    """Every outbound table, empty, and a build that will be newer than any trigger."""
    world = World(warehouse, FOLDERS["segment"], settings)
    for file in FOLDERS["segment"].glob("*.sql"):
        world.create_from_yaml(file.stem)
    world.run(
        "insert into sync.builds (requested_by, as_of_date, window_to, settings, code_fingerprint,"
        " status, started_at, finished_at, nodes) values ('test', current_date,"
        " pg_current_snapshot(), '{}', '', 'success', now() + interval '1 hour',"
        " now() + interval '1 hour', '[]')"
    )
    return world


@pytest.fixture
def segment() -> Iterator[PlayedSegment]:
    """A Segment that takes everything, until a test gives it another script."""
    with PlayedSegment() as played:
        yield played


@pytest.fixture
def connections(world: World, segment: PlayedSegment, tmp_path: Path) -> dict[str, str]:
    """The variables that name the world and this Segment."""
    scheme, host = segment.connection.host.split("://")
    return {
        "AIRFLOW_CONN_WAREHOUSE": world.url,
        "AIRFLOW_CONN_SEGMENT": f"{scheme}://:{segment.connection.write_key}@{host}",
    }
