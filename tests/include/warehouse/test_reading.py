"""Whatever state the warehouse is in, a part of the page has words for it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from include.page import runs, tracking
from include.warehouse import embedded, reading


@pytest.fixture
def unmigrated(server):
    """A database without any table of ours."""
    url = embedded.server_url(server, "page_unmigrated")
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute("create database page_unmigrated template template0")
        yield url
        admin.execute("drop database page_unmigrated with (force)")


def test_an_unmigrated_warehouse_says_how_its_tables_are_made(unmigrated):
    part = reading.part(
        unmigrated, lambda c: {"run": runs.active(c)}, when_missing=reading.NOT_MIGRATED
    )

    assert part == {"problem": reading.NOT_MIGRATED}
    assert "make up" in part["problem"]


def test_a_warehouse_that_was_never_built_says_how_to_build(warehouse):
    part = reading.part(warehouse, tracking.outcomes)

    assert part == {"problem": reading.NOT_BUILT}
    assert "make build" in part["problem"]


def test_an_unreachable_warehouse_is_one_line_without_the_password():
    part = reading.part("postgresql://planhat:hidden@127.0.0.1:1/warehouse", tracking.outcomes)

    assert "127.0.0.1:1" in part["problem"]
    assert "hidden" not in part["problem"]
    assert "\n" not in part["problem"]


def test_a_slow_query_is_given_up_and_said(warehouse, monkeypatch):
    monkeypatch.setattr(reading, "STATEMENT_TIMEOUT_MS", 50)

    part = reading.part(warehouse, lambda c: reading.one(c, "select pg_sleep(30)::text") or {})

    assert part == {"problem": reading.TOO_SLOW}


def test_the_page_cannot_write(warehouse):
    def write(connection):
        connection.execute("delete from sync.switches")
        return {}

    assert "read-only" in reading.part(warehouse, write)["problem"]


def test_values_become_what_json_can_carry():
    assert reading.plain(
        {
            "at": datetime(2026, 3, 2, 12, tzinfo=UTC),
            "on": date(2026, 3, 2),
            "whole": Decimal("3.0"),
            "share": Decimal("0.25"),
            "none": None,
            "list": [Decimal(1)],
        }
    ) == {
        "at": "2026-03-02T12:00:00+00:00",
        "on": "2026-03-02",
        "whole": 3,
        "share": 0.25,
        "none": None,
        "list": [1],
    }


def test_text_is_cut_only_when_it_is_too_long_and_says_what_is_left_out():
    assert reading.shortened(None) is None
    assert reading.shortened("abc", 3) == "abc"
    assert reading.shortened("abcd", 3) == "abc… (1 more characters)"
