"""Section 2's figures: declared metrics, candidates, rejections."""

from functools import partial

import psycopg
import pytest

from include.page import metrics
from include.warehouse import reading
from tests.include.page.world import make_marts

DECLARED = "insert into sync.company_metrics (metric, aggregation) values ('seats', 'LAST')"


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def test_declared_metrics_are_listed_by_name_with_who_declared_them(warehouse, connection):
    connection.execute(
        "insert into sync.company_metrics (metric, aggregation, changed_by) values "
        "('Seats', 'LAST', 'operator'), ('exports', 'SUM', 'admin')"
    )

    found = reading.part(warehouse, metrics.declared)["declared"]

    assert [(row["metric"], row["aggregation"], row["changed_by"]) for row in found] == [
        ("exports", "SUM", "admin"),
        ("Seats", "LAST", "operator"),
    ]


def add_built(connection, company_id: str, aggregation: str = "LAST", value: float = 1) -> None:
    """What a build has found of the metric seats for one company."""
    connection.execute(
        "insert into marts.company_metric_changes values (%s, 'seats', %s, '2026-03-02', %s, 0.5)",
        [company_id, aggregation, value],
    )


def test_what_a_metric_holds_is_counted_as_it_is_read_now(warehouse, connection):
    make_marts(connection)
    connection.execute(DECLARED)
    add_built(connection, "a")
    add_built(connection, "b")
    add_built(connection, "c", "SUM")  # as it was read before

    found = reading.part(warehouse, metrics.filled)["metrics"]

    assert found == {"seats": {"companies": 2, "last_date": "2026-03-02"}}


def test_a_candidate_that_was_declared_since_the_build_is_no_candidate(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.metric_candidates values "
        "('rare', 1, 1, 1, now()), ('often', 9, 2, 5, now()), ('declared', 99, 1, 1, now())"
    )
    connection.execute("insert into sync.company_metrics (metric) values ('declared')")

    found = reading.part(warehouse, metrics.candidates)["candidates"]

    assert [row["metric"] for row in found] == ["often", "rare"]


def test_rejected_values_are_counted_by_metric_and_reason(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.metric_rejections values "
        "('1', now(), 'seats', 'not_a_number', 'string'), "
        "('2', now(), 'seats', 'not_a_number', 'string'), "
        "('3', now(), 'seats', 'null_value', 'null')"
    )

    found = reading.part(warehouse, metrics.rejections)["rejections"]

    assert [(row["reason"], row["times"]) for row in found] == [
        ("not_a_number", 2),
        ("null_value", 1),
    ]


def test_the_companies_of_a_metric_are_found_by_name_and_open_their_days(warehouse, connection):
    make_marts(connection)
    connection.execute(
        "insert into marts.companies (company_id, name) values ('a', 'Northwind'), ('b', 'Other')"
    )
    connection.execute(
        "insert into marts.company_metrics values "
        "('a', 'seats', '2026-03-01', 1, 'LAST'), ('a', 'seats', '2026-03-02', 2.5, 'LAST'), "
        "('b', 'seats', '2026-03-01', 3, 'LAST'), ('b', 'logins', '2026-03-01', 9, 'SUM')"
    )

    def companies(**wish):
        return reading.part(warehouse, partial(metrics.companies, metric="seats", **wish))

    def days(company_id):
        query = partial(metrics.days, metric="seats", company_id=company_id)
        return reading.part(warehouse, query)

    found = companies()
    assert [(row["name"], row["value"], row["change_30d"]) for row in found["rows"]] == [
        ("Other", 3, None),
        ("Northwind", 2.5, None),
    ], "no build has seen it yet: its values are there all the same"
    assert [row["company_id"] for row in companies(search="NORTH")["rows"]] == ["a"]
    assert companies(offset=1)["rows"] == found["rows"][1:]
    assert days("a") == {
        "as_of": "2026-03-02",
        "daily": [{"day": "2026-03-01", "value": 1}, {"day": "2026-03-02", "value": 2.5}],
    }
    assert days("nobody")["daily"] == []

    connection.execute(DECLARED)
    add_built(connection, "a", value=7)
    add_built(connection, "b", value=4)
    assert [(row["name"], row["value"], row["change_30d"]) for row in companies()["rows"]] == [
        ("Northwind", 7, 0.5),
        ("Other", 4, 0.5),
    ]
