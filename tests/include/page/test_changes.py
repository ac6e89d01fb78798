"""What operators change is kept with who and since when, and nothing else changes."""

from datetime import date

import psycopg
import pytest

from include.page.changes import ChangeError, declare_metric, delete_metric, set_switch
from tests.include.page.world import HOSTILE


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def metrics(connection):
    return connection.execute(
        "select metric, aggregation, changed_by from sync.company_metrics order by metric"
    ).fetchall()


def test_a_declared_metric_has_its_name_as_sent_and_who_declared_it(warehouse, connection):
    declare_metric(warehouse, "Seats used ", "LAST", by="operator")

    assert metrics(connection) == [("Seats used ", "LAST", "operator")]


def test_declaring_it_again_changes_how_it_is_read_and_says_who_did(warehouse, connection):
    declare_metric(warehouse, "seats", "SUM", by="operator")
    declare_metric(warehouse, "seats", "LAST", by="admin")

    assert metrics(connection) == [("seats", "LAST", "admin")]


def test_declaring_it_again_as_it_is_changes_nothing(warehouse, connection):
    declare_metric(warehouse, "seats", "SUM", by="operator")
    since = connection.execute("select valid_from from sync.company_metrics").fetchone()

    declare_metric(warehouse, "seats", "SUM", by="admin")

    assert metrics(connection) == [("seats", "SUM", "operator")]
    assert connection.execute("select valid_from from sync.company_metrics").fetchone() == since


@pytest.mark.parametrize(
    ("metric", "aggregation", "says"),
    [
        ("", "SUM", "Type the trait's name"),
        (" \t", "SUM", "Type the trait's name"),
        ("n" * 201, "SUM", "at most 200"),
        ("a\0b", "SUM", "NUL"),
        ("seats", "MAX", "SUM or LAST"),
    ],
)
def test_what_is_no_metric_is_refused_in_words(warehouse, connection, metric, aggregation, says):
    with pytest.raises(ChangeError, match=says):
        declare_metric(warehouse, metric, aggregation, by="operator")

    assert metrics(connection) == []


def test_a_hostile_name_is_a_name(warehouse, connection):
    declare_metric(warehouse, HOSTILE["markup"], "SUM", by=HOSTILE["quotes"])

    assert metrics(connection) == [(HOSTILE["markup"], "SUM", HOSTILE["quotes"])]


def test_deleting_takes_one_metric_and_a_second_time_says_so(warehouse, connection):
    declare_metric(warehouse, "seats", "SUM", by="operator")
    declare_metric(warehouse, "exports", "SUM", by="operator")

    delete_metric(warehouse, "seats")

    assert metrics(connection) == [("exports", "SUM", "operator")]
    with pytest.raises(ChangeError, match="No metric of that name"):
        delete_metric(warehouse, "seats")


def test_a_switch_is_turned_from_now_on_and_what_was_before_stays(warehouse, connection):
    set_switch(warehouse, "auto_create", False, by="operator")
    set_switch(warehouse, "auto_create", True, by="admin")

    rows = connection.execute(
        "select is_on, changed_by from sync.switches where switch = 'auto_create' "
        "order by valid_from"
    ).fetchall()
    assert rows == [(True, "default"), (False, "operator"), (True, "admin")]


def test_turning_a_switch_to_where_it_stands_writes_nothing(warehouse, connection):
    set_switch(warehouse, "company_metrics", True, by="operator")

    assert connection.execute("select count(*) from sync.switches").fetchone() == (7,)


def test_a_section_that_is_switched_on_can_count_from_a_past_day_on(warehouse, connection):
    connection.execute(
        "insert into sync.switches (switch, is_on, valid_from) values "
        "('user_tracking', false, '2026-03-01'), ('user_tracking', true, '2026-03-05'), "
        "('user_tracking', false, '2026-03-07')"
    )
    connection.commit()

    set_switch(warehouse, "user_tracking", True, by="operator", since=date(2026, 3, 3))

    rows = connection.execute(
        "select is_on, valid_from::text, changed_by, changed_at > valid_from from sync.switches "
        "where switch = 'user_tracking' and valid_from > '-infinity' order by valid_from"
    ).fetchall()
    assert rows == [
        (False, "2026-03-01 00:00:00+00", "default", True),
        # and what was set after that day is replaced
        (True, "2026-03-03 00:00:00+00", "operator", True),
    ]


@pytest.mark.parametrize(
    ("switch", "is_on", "since", "why"),
    [
        ("user_tracking", False, date(2026, 3, 3), "only be switched on"),
        ("auto_create", True, date(2026, 3, 3), "Only a section"),
        ("company_metrics", True, date(2999, 1, 1), "still to come"),
    ],
)
def test_what_cannot_be_in_the_past_is_refused(warehouse, connection, switch, is_on, since, why):
    with pytest.raises(ChangeError, match=why):
        set_switch(warehouse, switch, is_on, by="operator", since=since)

    assert connection.execute("select count(*) from sync.switches").fetchone() == (7,)


def test_an_unknown_switch_is_refused_in_words(warehouse):
    with pytest.raises(ChangeError, match="there are user_tracking"):
        set_switch(warehouse, "everything", False, by="operator")
