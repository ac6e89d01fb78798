"""warehouse: the tables that Segment loads, from the command line and through make."""

from pathlib import Path

import pytest

from tests.include.cli.test_commands import make
from tests.include.running import cli, free_port
from tests.include.segment_warehouse.segment_tables import SegmentTables

CALL = {"userId": "u1", "receivedAt": "2026-03-10T12:00:05+00:00"}


@pytest.fixture
def given(warehouse: str, tmp_path: Path) -> dict[str, str]:
    return {"DATA_DIR": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": warehouse}


def test_it_says_table_by_table_what_became_of_the_rows(
    given: dict[str, str], warehouse: str
) -> None:
    tables = SegmentTables(warehouse, "prod")
    tables.load([
        CALL | {"messageId": "m-1", "type": "track", "event": "Seen"},
        CALL | {"messageId": "m-2", "type": "identify"},
    ])  # fmt: skip
    done = cli("warehouse", **given, SEGMENT_WAREHOUSE_SCHEMA="prod")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "identifies: 1 new row: 1 landed, 0 were there, 0 quarantined",
        "seen: 1 new row: 1 landed, 0 were there, 0 quarantined",
        "tracks: 1 new row: 0 landed, 0 were there, 0 quarantined,"
        " 1 told by the tables of their events",
        "2 calls from 3 tables: 2 landed, 0 were there, 0 quarantined",
    ]
    again = make("warehouse", "SCHEMA=prod", **given)
    assert again.stdout == "0 calls from 3 tables: 0 landed, 0 were there, 0 quarantined\n"
    full = make("warehouse", "SCHEMA=prod", "FULL=1", "SOURCE=other", **given)
    assert full.stdout.splitlines()[-1] == (
        "2 calls from 3 tables: 0 landed, 2 were there, 0 quarantined"
    )


def test_what_is_missing_is_one_line(given: dict[str, str], warehouse: str) -> None:
    SegmentTables(warehouse, "empty")
    for schema, said in (
        ("", "SEGMENT_WAREHOUSE_SCHEMA is not set"),
        ("nowhere", "There is no schema 'nowhere'"),
        ("empty", "has none of Segment's tables"),
    ):
        done = cli("warehouse", **given, SEGMENT_WAREHOUSE_SCHEMA=schema)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert said in line


def test_a_build_with_a_schema_that_is_not_there_says_so(given: dict[str, str]) -> None:
    done = cli("build", **given, SEGMENT_WAREHOUSE_SCHEMA="nowhere")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "There is no schema 'nowhere'" in line


def test_a_warehouse_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    url = f"postgresql://ada:hush@127.0.0.1:{free_port()}/warehouse"
    done = cli(
        "warehouse", DATA_DIR=str(tmp_path), AIRFLOW_CONN_WAREHOUSE=url,
        SEGMENT_WAREHOUSE_SCHEMA="prod",
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "does not answer" in line
    assert "hush" not in line
