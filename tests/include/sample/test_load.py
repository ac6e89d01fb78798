from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from include.connections import PlanhatConnection
from include.errors import ProblemError, ServiceError
from include.planhat.api.client import ClientOptions
from include.planhat.api.reading import read_api
from include.planhat.models import BY_NAME
from include.planhat.reading import read_folder
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.place import played_connection
from include.sample import base_date
from include.sample.documents import earlier_objects, gone_objects
from include.sample.load import load
from include.sample.placing import Placing

DAY = date(2026, 3, 14)


@pytest.fixture
def planhat(played: PlayedPlanhat, played_address: str) -> PlanhatConnection:
    return played_connection(played_address)


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_the_first_load_fixes_the_base_date_and_the_second_changes_nothing(
    warehouse: str, planhat: PlanhatConnection, played: PlayedPlanhat
):
    first = load(warehouse, planhat, say=print, on=DAY)
    assert (first.base_date, first.is_first) == (DAY, True)
    assert first.report.rejected == 0
    assert first.report.doubtful == []
    documents = {path: dict(each.by_id) for path, each in played.documents.of.items()}
    before = rows(warehouse, "select * from raw_planhat.objects order by model, planhat_id")

    again = load(warehouse, planhat, say=print, on=DAY + timedelta(days=9))
    assert (again.base_date, again.is_first) == (DAY, False)
    assert not again.report.has_changed
    assert {path: each.by_id for path, each in played.documents.of.items()} == documents
    after = rows(warehouse, "select * from raw_planhat.objects order by model, planhat_id")
    assert after == before


def test_what_somebody_made_in_the_played_planhat_stays_there(
    warehouse: str, planhat: PlanhatConnection, played: PlayedPlanhat
):
    load(warehouse, planhat, say=print, on=DAY)
    company = min(played.documents.of["companies"].by_id)
    made = {"_id": "f" * 24, "companyId": company, "email": "new@acme.example"}
    played.documents.load("endusers", [made])
    again = load(warehouse, planhat, say=print)
    assert "f" * 24 in played.documents.of["endusers"].by_id
    assert sum(each.added for each in again.report.models) == 1


def test_two_loads_are_no_more_calls_than_planhat_allows_in_a_minute(
    warehouse: str, planhat: PlanhatConnection, played: PlayedPlanhat
):
    load(warehouse, planhat, say=print, on=DAY)
    load(warehouse, planhat, say=print)
    assert played.switches.quota == 200
    assert {each.status for each in played.requests.all} <= {200, 404}
    assert len(played.requests.all) < 180


def test_objects_that_planhat_has_no_more_are_there_as_deleted(
    warehouse: str, planhat: PlanhatConnection
):
    load(warehouse, planhat, say=print, on=DAY)
    deleted = rows(
        warehouse, "select model, planhat_id from raw_planhat.objects where deleted_at is not null"
    )
    gone = {(model, each["_id"]) for model, every in gone_objects(DAY).items() for each in every}
    assert set(deleted) == gone
    assert gone


@pytest.mark.parametrize("models", [["company"], ["company", "enduser"]])
def test_a_load_that_was_interrupted_ends_the_same(
    warehouse: str, planhat: PlanhatConnection, models: list[str]
):
    with Placing(planhat) as placing:
        placing.put(earlier_objects(DAY))
    at_once = ClientOptions(calls_per_second=None)
    read_api(
        warehouse, planhat, models=[BY_NAME[each] for each in models], options=at_once, say=print
    )
    assert load(warehouse, planhat, say=print, on=DAY).base_date == DAY
    query = "select count(*) from raw_planhat.objects where deleted_at is not null"
    assert rows(warehouse, query) == [(5,)]


def test_a_planhat_that_is_not_a_played_one_is_left_alone(
    warehouse: str, planhat: PlanhatConnection, played_address: str
):
    # whose API has no route below /played
    other = replace(planhat, host=f"{played_address}/companies")
    with pytest.raises(ServiceError, match="is no played Planhat"):
        load(warehouse, other, say=print)


def test_a_warehouse_with_other_companies_is_left_alone(
    warehouse: str, planhat: PlanhatConnection, played: PlayedPlanhat, tmp_path: Path
):
    (tmp_path / "companies.jsonl").write_text(f'{{"_id": "{"1" * 24}", "name": "Real"}}\n')
    read_folder(warehouse, tmp_path, say=print)
    with pytest.raises(ProblemError, match="holds 1 companies that are not the sample's"):
        load(warehouse, planhat, say=print)
    assert not played.documents.of["companies"].by_id
    query = "select planhat_id, deleted_at from raw_planhat.objects"
    assert rows(warehouse, query) == [("1" * 24, None)]


def test_the_settings_of_the_sample_are_made_and_no_others_are_touched(
    warehouse: str, planhat: PlanhatConnection
):
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into sync.company_metrics (metric, aggregation) values ('api_calls', 'LAST')"
        )
    load(warehouse, planhat, say=print, on=DAY)
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
