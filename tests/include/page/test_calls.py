"""The calls behind the figures of section 1 are as many as the figure says."""

from functools import partial

import psycopg
import pytest

from include.page import tracking
from include.page.calls import WHICH, calls
from include.warehouse import reading
from tests.include.page.world import add_call, make_marts


@pytest.fixture
def world(warehouse):
    """60 resolved calls, 2 that are not, and one of our own that came back."""
    with psycopg.connect(warehouse, autocommit=True) as connection:
        make_marts(connection)
        for number in range(60):
            add_call(connection, number, source="shop" if number % 3 else "app")
        nobody = {"company_id": None, "enduser_id": None}
        add_call(connection, 60, reason="no_company", type="identify", **nobody)
        add_call(connection, 61, reason="receipt", **nobody)
        add_call(connection, 62, reason="no_identity", user_id=None, **nobody)
    return warehouse


@pytest.mark.parametrize(("which", "figure"), [("all", 62), ("resolved", 60), ("unresolved", 2)])
def test_as_many_are_listed_as_are_counted(world, which, figure):
    found = reading.part(world, partial(calls, which=which, with_persons=True))
    last = reading.part(world, partial(calls, which=which, with_persons=True, offset=50))

    assert found["total"] == figure
    assert sum(part["events"] for part in found["parts"]) == figure
    assert len(found["rows"]) + len(last["rows"]) == figure
    assert not {row["reason"] for row in found["rows"]} & {"receipt"}
    heads = reading.part(world, tracking.resolved)
    assert figure in (heads["events"], heads["resolved"], heads["events"] - heads["resolved"])


def test_the_newest_come_first_and_people_are_named_only_for_some(world):
    told = reading.part(world, partial(calls, with_persons=True))["rows"]
    hidden = reading.part(world, partial(calls, with_persons=False))["rows"]

    assert [row["message_id"] for row in told[:3]] == ["call-62", "call-60", "call-59"]
    assert [row["person"] for row in told[:3]] == [None, "“user-60”", "“user-59”"]
    assert [row["person"] for row in hidden[:3]] == [None, "(hidden)", "(hidden)"]


def test_the_figures_are_those_that_can_be_asked_for():
    assert set(WHICH) == {"all", "resolved", "unresolved"}
