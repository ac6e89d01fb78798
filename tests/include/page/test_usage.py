"""Usage as the marts hold it: the base, companies found and paged, one company, persons apart."""

from datetime import timedelta

import psycopg
import pytest

from include.page import usage
from include.warehouse import reading
from tests.include.page.world import NOON, add_company, make_marts


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        make_marts(connection)
        yield connection


def ask(warehouse, function, **wish):
    return reading.part(warehouse, lambda connection: function(connection, **wish))


def test_the_base_adds_up_the_companies_days_and_no_other_objects(warehouse, connection):
    add_company(connection, "c1")
    add_company(connection, "c2")
    connection.execute(
        "insert into marts.usage_daily values ('enduser', 'e1', %s, 'Opened', 99)", [NOON.date()]
    )

    found = ask(warehouse, usage.base)

    assert found["as_of"] == "2026-03-02"
    assert found["daily"] == [{"day": "2026-03-02", "activities": 14}]


def test_days_outside_the_ninety_are_left_out(warehouse, connection):
    add_company(connection, "c1")
    for days in (90, 89, -1):
        connection.execute(
            "insert into marts.usage_daily values ('company', 'c1', %s, 'Opened', 1)",
            [NOON.date() - timedelta(days=days)],
        )

    days = [row["day"] for row in ask(warehouse, usage.base)["daily"]]

    assert days == ["2025-12-03", "2026-03-02"]


def test_companies_without_usage_are_counted_and_listed_as_such(warehouse, connection):
    add_company(connection, "c1", trend="up")
    connection.execute("insert into marts.companies (company_id, name) values ('c2', 'Silent')")
    connection.execute(
        "insert into marts.companies (company_id, name, deleted_at) values ('c3', 'Gone', now())"
    )

    trends = {row["trend"]: row["companies"] for row in ask(warehouse, usage.base)["trends"]}
    silent = ask(warehouse, usage.companies, trend="none")

    assert trends == {"up": 1, "none": 1}
    assert [row["name"] for row in silent["rows"]] == ["Silent"]


def add_alerts(connection) -> None:
    add_company(connection, "c1", "Northwind")
    connection.execute(
        "insert into marts.companies (company_id, deleted_at) values ('gone', now())"
    )
    connection.execute(
        "insert into marts.endusers (enduser_id, company_id, name) values ('e1', 'c1', 'Known One')"
    )
    connection.execute(
        "insert into raw_planhat.objects (model, planhat_id, payload, deleted_at) values "
        """('asset', 'a1', '{"name": "Line 3", "companyId": "c1"}', null), """
        """('asset', 'a2', '{"name": "Line 4", "companyId": "c1"}', now())"""
    )
    connection.execute(
        "insert into marts.usage_alerts values "
        "('company', 'c1', 'drop', '2026-03-01', null, 1, 9), "
        "('company', 'c1', 'spike', '2026-02-01', '2026-02-08', 9, 1), "
        "('company', 'gone', 'drop', '2026-03-01', null, 1, 9), "
        "('asset', 'a1', 'drop', '2026-03-01', null, 1, 9), "
        "('asset', 'a2', 'drop', '2026-03-01', null, 1, 9), "
        "('enduser', 'e1', 'stopped', '2026-03-01', null, 0, 9)"
    )


def open_alerts(warehouse, object_type, **options):
    options = {"with_persons": True} | options
    return ask(warehouse, usage.open_alerts, object_type=object_type, **options)["rows"]


def test_only_open_alerts_of_what_is_there_are_counted_and_shown(warehouse, connection):
    add_alerts(connection)

    counted = ask(warehouse, usage.base)["alerts"]
    (shown,) = open_alerts(warehouse, "company")

    assert counted == {"company": 1, "asset": 1, "enduser": 1}
    assert (shown["name"], shown["kind"]) == ("Northwind", "drop")


def test_an_alert_of_an_asset_names_it_and_its_company(warehouse, connection):
    add_alerts(connection)

    (alert,) = open_alerts(warehouse, "asset")

    assert (alert["object_id"], alert["name"]) == ("a1", "Line 3")
    assert (alert["company_id"], alert["company"]) == ("c1", "Northwind")


def test_an_alert_of_an_enduser_names_the_person_only_for_who_may_see_them(warehouse, connection):
    add_alerts(connection)

    assert open_alerts(warehouse, "enduser")[0]["name"] == "Known One"
    (hidden,) = open_alerts(warehouse, "enduser", with_persons=False)
    assert (hidden["name"], hidden["company"]) == (None, "Northwind")


def test_alerts_are_shown_in_pages_that_leave_none_out(warehouse, connection, monkeypatch):
    monkeypatch.setattr(usage, "ALERTS_A_PAGE", 2)
    add_alerts(connection)
    connection.execute(
        "insert into marts.usage_alerts select 'asset', 'a' || n, 'drop', '2026-03-01', null, 1, 9 "
        "from generate_series(3, 5) as n"
    )

    pages = [open_alerts(warehouse, "asset", offset=offset) for offset in (0, 2)]

    assert [row["object_id"] for page in pages for row in page] == ["a1", "a3", "a4", "a5"]


@pytest.mark.parametrize("search", ["north", "NORTHWIND", "ext-c1", "c1"])
def test_a_company_is_found_by_part_of_its_name_or_an_id_in_full(warehouse, connection, search):
    add_company(connection, "c1", "Northwind")
    add_company(connection, "c2", "Southbank")

    found = ask(warehouse, usage.companies, search=search)

    assert (found["total"], found["rows"][0]["company_id"]) == (1, "c1")


def test_pages_of_companies_leave_none_out_and_repeat_none(warehouse, connection):
    names = [f"c{number:03}" for number in range(usage.COMPANIES_A_PAGE + 3)]
    for each in names:
        add_company(connection, each)

    pages = [
        ask(warehouse, usage.companies, offset=offset) for offset in (0, usage.COMPANIES_A_PAGE)
    ]

    assert [page["total"] for page in pages] == [len(names)] * 2
    assert [row["company_id"] for page in pages for row in page["rows"]] == names


def test_a_company_opens_with_its_health_days_metrics_and_alerts(warehouse, connection):
    add_company(connection, "c1", "Northwind", beat=5, experience=70)
    connection.execute("insert into marts.company_health values ('c1', 5.5, 4, 10, 7, null)")
    connection.execute(
        "insert into marts.company_metrics values ('c1', 'seats', '2026-03-01', 4.5, 'LAST')"
    )

    found = ask(warehouse, usage.company, company_id="c1", with_persons=False)

    assert (found["company"]["beat"], found["company"]["experience"]) == (5, 70)
    assert found["health"]["metric_part"] is None
    assert found["daily"] == [{"day": "2026-03-02", "activities": 7}]
    assert found["metrics"][0]["daily"] == [{"day": "2026-03-01", "value": 4.5}]
    assert [(row["event"], row["activities"]) for row in found["events"]] == [
        ("Closed", 4),
        ("Opened", 3),
    ]


def test_a_company_that_is_not_there_is_said(warehouse, connection):
    assert ask(warehouse, usage.company, company_id="x", with_persons=True) == {"company": None}


def test_persons_are_named_only_for_who_may_see_them(warehouse, connection):
    add_company(connection, "c1")
    connection.execute(
        "insert into marts.endusers values ('e1', 'planhat', 'c1', null, 'p@company.example')"
    )

    hidden = ask(warehouse, usage.company, company_id="c1", with_persons=False)
    shown = ask(warehouse, usage.company, company_id="c1", with_persons=True)

    assert hidden["endusers"][0]["name"] is None
    assert shown["endusers"][0]["name"] == "p@company.example"


def test_who_is_in_planhat_is_linked_where_its_app_is_known(warehouse, connection):
    add_company(connection, "c1")
    connection.execute(
        "insert into marts.endusers values ('e1', 'planhat', 'c1', null, 'p@company.example'),"
        " ('e2', 'segment', 'c1', null, 'q@company.example')"
    )
    link = "https://app.example/{model}/{id}"

    found = ask(warehouse, usage.company, company_id="c1", with_persons=True, link=link)
    plain = ask(warehouse, usage.company, company_id="c1", with_persons=True)

    assert found["company"]["planhat_url"] == "https://app.example/company/c1"
    assert {each["enduser_id"]: each["planhat_url"] for each in found["endusers"]} == {
        "e1": "https://app.example/enduser/e1",
        "e2": None,  # created from calls: Planhat does not know our id
    }
    assert plain["company"]["planhat_url"] is None


def test_the_days_of_an_enduser_are_theirs_alone(warehouse, connection):
    add_company(connection, "c1")
    connection.execute(
        "insert into marts.usage_daily values ('enduser', 'e1', '2026-03-01', 'Opened', 2), "
        "('enduser', 'e2', '2026-03-01', 'Opened', 5)"
    )

    found = ask(warehouse, usage.enduser, enduser_id="e1")

    assert found["daily"] == [{"day": "2026-03-01", "activities": 2}]
