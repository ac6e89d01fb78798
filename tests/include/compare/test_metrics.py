"""Values of metrics by object and day."""

import re

import pytest

from include.compare.days import Days
from include.settings import ROOT
from tests.include.compare.world import DAYS, World


def test_values_are_equal_as_numbers(world: World) -> None:
    world.value(4)
    world.has(4.0)
    world.value(0.3, "2026-03-06")
    world.has(0.1 + 0.2, "2026-03-06")
    world.value(1234, "2026-03-07")
    world.has(" 1234 ", "2026-03-07")
    world.value(0, "2026-03-08")
    world.has("0.0", "2026-03-08")
    world.value(12345678901234567890, "2026-03-09")
    world.has(12345678901234567890, "2026-03-09")
    assert world.outcomes("metrics") == {"equal": 5}


def test_a_value_that_differs_says_why_where_that_is_known(world: World) -> None:
    world.declare("seats")
    world.value(4)
    world.has(5)
    world.value(4, "2026-03-06", aggregation="SUM")
    world.has(12, "2026-03-06")
    # of a LAST it is no doubling
    world.value(4, "2026-03-07")
    world.has(12, "2026-03-07")
    world.value(4, "2026-03-08")
    world.has("four", "2026-03-08")
    world.value(4, "2026-03-09")
    world.has(None, "2026-03-09")
    world.value(4, "2026-03-10")
    world.has(5, "2026-03-10")
    world.put("marts.metric_rejections", company_id=world.acme, metric="seats",
              event_at="2026-03-10 23:59:59+00")  # fmt: skip
    world.value(4, "2026-03-11")
    world.has(5, "2026-03-11")
    world.unresolved("section_off", "2026-03-11", type="group", company_key="acme")
    # no group call
    world.unresolved("no_company", "2026-03-05", company_key="acme")
    # equal, and we would not send it
    world.value(4, "2026-03-12", withheld="no_external_id")
    world.has(4, "2026-03-12")
    assert world.outcomes("metrics") == {
        "different another_value": 2,
        "different multiple": 1,
        "different no_number": 2,
        "different rejected_value": 1,
        "different section_off": 1,
        "different no_external_id": 1,
    }


def test_what_one_has_alone_says_why(world: World) -> None:
    world.declare("seats")
    world.value(4)
    world.value(4, "2026-03-06", withheld="external_id_shared")
    world.has(5, "2026-03-07")
    world.has(5, "2026-03-07", owner=f"{99:024x}")
    world.has(5, "2026-03-08")
    world.unresolved("unknown_company", "2026-03-08", type="group", company_key="acme")
    assets = [
        world.document("assets", model="asset", companyId=each, externalId="a", name="a")["_id"]
        for each in (world.acme, world.other)
    ]
    world.has(5, "2026-03-09", owner=assets[0])
    world.put("sync.planhat_measures", measure="activities", object_type="company",
              dimension="calls", since="2026-03-10")  # fmt: skip
    world.has(5, "2026-03-09", dimension="calls")
    world.has(5, "2026-03-10", dimension="calls")
    assert world.outcomes("metrics") == {
        "ours_only not_there": 1,
        "ours_only external_id_shared": 1,
        "theirs_only no_value": 2,
        "theirs_only unknown_object": 1,
        "theirs_only unknown_company": 1,
        "theirs_only external_id_shared": 1,
        "theirs_only before_since": 1,
    }


def test_what_is_of_before_the_switch_is_not_ours(world: World) -> None:
    world.declare("seats")
    world.has(5, "2026-03-09")
    world.has(5, "2026-03-10")
    outbound = "update sync.planhat_outbound set since = %s where model = 'metric'"
    world.run(outbound, ["2026-03-10"])
    try:
        assert world.outcomes("metrics") == {
            "theirs_only before_since": 1, "theirs_only no_value": 1,
        }  # fmt: skip
    finally:
        world.run(outbound, [None])


def test_only_the_chosen_days_are_compared(world: World) -> None:
    for day in ("2026-03-01", "2026-03-02", "2026-03-15", "2026-03-16"):
        world.value(4, day)
        world.has(4, day)
    assert world.outcomes("metrics") == {"equal": 2}
    assert world.outcomes("metrics", days=Days(DAYS.last, DAYS.last)) == {"equal": 1}
    # a day without a value is no value of 0
    world.value(0, "2026-03-10")
    assert world.outcomes("metrics") == {"equal": 2, "ours_only not_there": 1}


def test_one_name_of_two_objects_or_two_metrics_is_not_mixed_up(world: World) -> None:
    # companies and endusers may each have a metric of this name
    person = world.person()["_id"]
    world.value(1, dimension="calls")
    world.has(1, dimension="calls")
    world.value(2, dimension="calls", owner=person, planhat_model="EndUser")
    world.has(2, dimension="calls", owner=person)
    # two metrics that would be one in Planhat
    world.value(3, dimension="a_b", withheld="dimension_shared")
    world.value(4, dimension="a_b", withheld="dimension_shared")
    world.has(3, dimension="a_b")
    assert world.outcomes("metrics") == {
        "equal": 2, "different dimension_shared": 1, "ours_only dimension_shared": 1,
    }  # fmt: skip


def test_what_planhat_has_twice_is_compared_once(world: World) -> None:
    world.value(4)
    world.has(9)
    world.has(4, copy="z")
    # nothing of ours beside it
    world.has(9, "2026-03-06")
    world.has(4, "2026-03-06", copy="z")
    assert world.outcomes("metrics") == {
        "equal": 1, "theirs_only twice_in_planhat": 2, "theirs_only no_value": 1,
    }  # fmt: skip


def test_a_row_that_pages_give_twice_is_one(world: World) -> None:
    for day in range(2, 8):
        world.value(4, f"2026-03-0{day}")
        world.has(4, f"2026-03-0{day}")
    world.played.switches = world.played.switches.turned(caps={"dimensiondata": 2})
    grown = []

    def meanwhile(method: str, path: str) -> None:
        # the list's beginning grows between two pages, and what was read comes again
        if path == "dimensiondata" and not grown:
            grown.append(True)
            return
        if len(grown) == 1:
            grown.append(True)
            world.has(1, "2026-03-02", owner="0" * 24, dimension="seats")

    world.played.faults.meanwhile = meanwhile
    assert world.outcomes("metrics")["equal"] == 6


@pytest.mark.parametrize("spelled", ["Seats_Used", "seats used", "seatsUsed", "SEATS-USED"])
def test_another_spelling_is_found_and_said(world: World, spelled: str) -> None:
    world.declare("seats used")
    world.value(4, dimension="seats_used")
    world.has(4, dimension=spelled)
    world.has(5, "2026-03-06", dimension=spelled)
    world.has(5, "2026-03-06", dimension="seats")
    found = world.compare("metrics")
    (section,) = found.sections
    assert {(each.outcome, each.code): each.count for each in section.reasons} == {
        ("different", "spelled_otherwise"): 1, ("theirs_only", "spelled_otherwise"): 1,
    }  # fmt: skip
    assert f"ours 4, theirs {spelled}: 4" in str(found)


def test_rows_that_name_no_object_or_day_are_said(world: World) -> None:
    world.declare("seats")
    world.value(4)
    world.has(4)
    world.has(4, "2026-03-06", row={"parentId": None})
    world.has(4, "2026-03-07", row={"day": None, "time": "soon"})
    world.has(7, "2026-03-08", row={"day": None})
    world.has(7, "2026-03-09", row={"day": 10**12})
    world.value(7, "2026-03-08")
    (section,) = world.compare("metrics").sections
    assert (section.ours, section.theirs, section.equal) == (2, 2, 2)
    assert section.remarks == (
        "3 rows of Planhat's metrics named no object or no day, and cannot be compared.",
    )


def test_a_declared_metric_is_named_as_it_is_sent() -> None:
    model = (ROOT / "dbt_project/models/to_planhat/to_planhat__metric.sql").read_text()
    ours = (ROOT / "include/compare/metrics.py").read_text()
    (named,) = re.findall(r"regexp_replace\(btrim\(metric\).*?\) as dimension", model)
    assert named in ours
