"""The measurement of the page: a real api-server, and as many daily rows as so many calls leave."""

import psycopg
import pytest

from include.bench import page


def test_each_section_is_measured_with_the_rows_that_so_many_calls_leave(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SIZES": {"small": 900}, "COMPANIES": 80, "ENDUSERS": 200, "DAYS": 9, "ROUNDS": 1,
    }.items():  # fmt: skip
        monkeypatch.setattr(page, name, value)

    rows = page.run(warehouse, say=lambda line: None)

    assert [row.name for row in rows] == [
        "page, Data push: its first data",
        "page, User tracking: its first data",
        "page, Company metrics: its first data",
        "page, Usage: its first data",
        "page, a company by name",
        "page, one company",
        "page, the companies of a metric",
        "page, the events of a reason",
        "page, the newest calls",
        "page, why: the story of a company",
        "the plugin, in each of Airflow's processes at its start",
    ]
    assert all(row.ratio for row in rows)
    with psycopg.connect(warehouse) as connection:
        counted = connection.execute(
            "select (select count(*) from intermediate.int_usage__object_event_days),"
            " (select count(*) from intermediate.int_usage__object_enduser_days),"
            " (select count(*) from marts.endusers)"
        ).fetchone()
    # 900 calls drawn among 2,880 and among 7,200 possible rows meet 27% and 12% of them
    companies, endusers, known = counted
    assert 0.2 < companies / (80 * 9 * 4) < 0.34
    assert 0.08 < endusers / (200 * 9 * 4) < 0.16
    assert known == 200
