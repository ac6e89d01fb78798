from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from include.errors import ProblemError
from include.planhat.reading import read_folder
from include.sample import base_date
from include.sample.exports import gone_objects, write_earlier_exports
from include.sample.load import load

DAY = date(2026, 3, 14)


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_the_first_load_fixes_the_base_date_and_the_second_changes_nothing(
    warehouse: str, tmp_path: Path
):
    first = load(warehouse, tmp_path, say=print, on=DAY)
    assert (first.base_date, first.is_first) == (DAY, True)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    before = rows(warehouse, "select * from raw_planhat.objects order by model, planhat_id")

    again = load(warehouse, tmp_path, say=print, on=DAY + timedelta(days=9))
    assert (again.base_date, again.is_first) == (DAY, False)
    assert not again.report.has_changed
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    after = rows(warehouse, "select * from raw_planhat.objects order by model, planhat_id")
    assert after == before


def test_objects_that_planhat_has_no_more_are_there_as_deleted(warehouse: str, tmp_path: Path):
    load(warehouse, tmp_path, say=print, on=DAY)
    deleted = rows(
        warehouse, "select model, planhat_id from raw_planhat.objects where deleted_at is not null"
    )
    gone = {(model, each["_id"]) for model, every in gone_objects(DAY).items() for each in every}
    assert set(deleted) == gone
    assert gone


def test_a_load_that_was_interrupted_after_the_earlier_read_ends_the_same(
    warehouse: str, tmp_path: Path
):
    write_earlier_exports(tmp_path / "earlier", DAY)
    read_folder(warehouse, tmp_path / "earlier", say=print)
    assert load(warehouse, tmp_path / "now", say=print, on=DAY).base_date == DAY
    query = "select count(*) from raw_planhat.objects where deleted_at is not null"
    assert rows(warehouse, query) == [(5,)]


def test_a_warehouse_with_other_companies_is_left_alone(warehouse: str, tmp_path: Path):
    (tmp_path / "companies.jsonl").write_text(f'{{"_id": "{"1" * 24}", "name": "Real"}}\n')
    read_folder(warehouse, tmp_path, say=print)
    with pytest.raises(ProblemError, match="holds 1 companies that are not the sample's"):
        load(warehouse, tmp_path / "sample", say=print)
    query = "select planhat_id, deleted_at from raw_planhat.objects"
    assert rows(warehouse, query) == [("1" * 24, None)]


def test_the_settings_of_the_sample_are_made_and_no_others_are_touched(
    warehouse: str, tmp_path: Path
):
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into sync.company_metrics (metric, aggregation) values ('api_calls', 'LAST')"
        )
    load(warehouse, tmp_path, say=print, on=DAY)
    metrics = rows(warehouse, "select metric, aggregation from sync.company_metrics order by 1")
    assert metrics == [("api_calls", "LAST"), ("seats_used", "LAST"), ("storage_gb", "LAST")]
    counted = rows(
        warehouse, "select event, counted, weight::float from sync.usage_events order by event"
    )
    assert counted == [
        ("Heartbeat", False, 1), ("Order Confirmed", True, 1), ("Report Exported", True, 3),
        ("screen", True, 0.5),
    ]  # fmt: skip


def test_an_empty_warehouse_has_no_base_date(warehouse: str):
    assert base_date.stored(warehouse) is None


def test_the_date_of_a_first_load_is_over(warehouse: str):
    assert base_date.for_first_load() < datetime.now(UTC).date()
