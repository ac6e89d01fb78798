"""Reports: numbers from the tables, turned so that a person can compare them."""

import stat

import psycopg
import pytest

from include.errors import ProblemError
from include.reports import pushes, unresolved, write


@pytest.fixture
def connection(warehouse: str):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def _run(connection, *models: tuple[str, int, int], status: str = "success") -> int:
    (run_id,) = connection.execute(
        "insert into sync.runs (destination, trigger, requested_by, status, started_at)"
        " values ('here', 'command', 'test', %s, '2026-03-01 06:00+00') returning run_id",
        [status],
    ).fetchone()
    for model, synced, errors in models:
        connection.execute(
            "insert into sync.run_models (run_id, model, synced, errors) values (%s, %s, %s, %s)",
            [run_id, model, synced, errors],
        )
    return run_id


def test_pushes_stand_side_by_side_with_the_newest_first(warehouse: str, connection):
    first = _run(connection, ("company", 40, 0), ("enduser", 1400, 2), status="partial")
    second = _run(connection, ("company", 1, 0))
    _run(connection, ("company", 5, 0), status="running")
    # planned nothing, or only planned
    _run(connection, status="failed")
    dry = _run(connection, ("company", 0, 0), status="dry_run")
    connection.execute("update sync.runs set is_dry = true where run_id = %s", [dry])
    table = pushes(warehouse)
    assert list(table.columns) == [f"{second} · 03-01 06:00", f"{first} · 03-01 06:00"]
    assert table.loc["company"].tolist() == ["1", "40"]
    assert table.loc["enduser"].tolist() == ["", "1,400 (2!)"]


def test_unresolved_calls_are_counted_by_reason_and_week(warehouse: str, connection):
    connection.execute("create schema marts")
    connection.execute(
        "create table marts.resolution_daily as select * from (values"
        " (date '2026-03-02', 'no_company', 2), (date '2026-03-08', 'no_company', 3),"
        " (date '2026-03-09', 'unknown_company', 9), (date '2026-03-09', 'receipt', 50),"
        " (date '2026-03-09', null, 70)) as each (day, reason, events)"
    )
    table = unresolved(warehouse)
    assert table["total"].to_dict() == {"unknown_company": 9, "no_company": 5}
    assert [str(week) for week in table.columns] == ["2026-03-09", "2026-03-02", "total"]
    assert table.loc["no_company"].tolist() == [0, 5, 5]


def test_without_any_run_there_is_nothing_to_show(warehouse: str):
    assert pushes(warehouse).empty


def test_a_file_that_cannot_be_written_is_said(warehouse: str, connection, tmp_path):
    _run(connection, ("company", 40, 0))
    table = pushes(warehouse)
    write(table, tmp_path / "pushes.csv")
    assert "company,40" in (tmp_path / "pushes.csv").read_text()
    assert stat.S_IMODE((tmp_path / "pushes.csv").stat().st_mode) == 0o600
    with pytest.raises(ProblemError, match="cannot be written"):
        write(table, tmp_path / "nowhere" / "pushes.csv")


def test_before_the_first_build_the_way_out_is_said(warehouse: str):
    with pytest.raises(ProblemError, match="make build"):
        unresolved(warehouse)
