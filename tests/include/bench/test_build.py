"""The measurement of a build: the same work on two histories, on events that come out as meant."""

import psycopg
import pytest

from include.bench import build


def test_the_same_work_is_measured_on_a_history_and_on_one_ten_times_as_long(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SIZES", {"small": (300, 900)})
    for name, amount in {
        "NEW_EVENTS": 100, "USERS": 41, "COMPANIES": 50, "LOST_USERS": 3, "LOST_CALLS": 4,
        "WANDERER_KEY_DAYS": 20, "LATE_COMPANY_EVENTS": 30, "PORTION": 250,
    }.items():  # fmt: skip
        monkeypatch.setattr(build, name, amount)
    rows = build.run(warehouse, say=lambda line: None)
    assert [row.name for row in rows] == [
        "full build of 300 events: every model and test",
        "full build of 900 events: every model and test",
        "build of 100 new events, 5% late, 3 people re-mapped, on 900",
        "build of one identify that moves 20 key-days, on 900",
        "build of one company that resolves 30 events, on 900",
        "build of one new event, on 900",
        "build when nothing is new, on 900",
        "bare SQL over the same 100 new events",
        "event_resolution by message id, user id and enduser id, of 900",
        "temporary files of the full build of 900",
    ]
    assert all(row.ratio for row in rows[:-1])
    with psycopg.connect(warehouse) as connection:
        unresolved = connection.execute(
            "select count(*) from marts.event_resolution where reason is not null"
        ).fetchone()
        events = connection.execute("select count(*) from marts.event_resolution").fetchone()
        kinds = connection.execute(
            "select is_full, status, count(*) from sync.builds group by 1, 2 order by 1"
        ).fetchall()
    # twice: the history's own, one and then a hundred new, and what is moved with what moves it
    assert events == (900 + 2 * (1 + 100 + 3 * 4 + 3 + 20 + 1 + 30),)
    assert unresolved == (0,), "everybody is placed in the end"
    assert kinds == [(False, "success", 10), (True, "success", 2)]
