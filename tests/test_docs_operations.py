"""docs/operations.md: what its runbooks say to run does what they say."""

import re
import subprocess
import time
from pathlib import Path

import psycopg

from include.collector.sources import add_demo_sources, rotate_key
from include.settings import ROOT
from tests.documented import blocks, in_psql
from tests.include.collector.conftest import running
from tests.include.running import environment

PAGE = "operations.md"

# Keys


def test_a_rotated_key_ends_within_five_seconds_of_the_statement(warehouse: str) -> None:
    add_demo_sources(warehouse)
    (statement,) = blocks(PAGE, "A write key of the collector")
    assert "'web-app'" in statement
    with running(warehouse) as collector:
        new = rotate_key(warehouse, "demo-app")
        call = {"userId": "u", "event": "E"}
        assert collector.post("/v1/track", call, key="demo-app").status_code == 200
        in_psql(warehouse, statement.replace("web-app", "demo-app"))
        patience = time.monotonic() + 30  # of a loaded machine; the collector looks each 5 s
        while collector.post("/v1/track", call, key="demo-app").status_code != 401:
            assert time.monotonic() < patience
            time.sleep(0.2)
        assert collector.post("/v1/track", call, key=new).status_code == 200


# A backup


def test_a_backup_is_restored_and_what_came_later_is_gone(warehouse: str, tmp_path: Path) -> None:
    backup = blocks(PAGE, "Back up", "sh")[0]
    restore = [
        line
        for line in blocks(PAGE, "Restore", "sh")[0].splitlines()
        if not re.match(r"make |kill |\.venv/bin/python -m include\.warehouse\.embedded", line)
    ]
    assert any("pg_restore" in line for line in restore)

    def run(script: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", script.replace("warehouse.dump", str(tmp_path / "warehouse.dump"))],
            env=environment(AIRFLOW_CONN_WAREHOUSE=warehouse), cwd=ROOT,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    add_demo_sources(warehouse)
    run(backup)
    with psycopg.connect(warehouse) as connection:
        connection.execute("insert into sync.excluded (kind, value) values ('domain', 'x.example')")
    run("\n".join(restore))
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select count(*) from sync.excluded").fetchone() == (0,)
        sources = connection.execute("select count(*) from raw_segment.sources").fetchone()
    assert sources == (2,)


def test_the_queries_within_the_text_run(warehouse: str) -> None:
    queries = re.findall(r"`(select [^`…]+)`", (ROOT / "docs" / PAGE).read_text())
    assert queries
    with psycopg.connect(warehouse) as connection:
        for query in queries:
            connection.execute(query.encode())
