"""The figures of the known customers, computed here a second time from their calls."""

from collections import Counter
from datetime import date, timedelta
from statistics import median

import pytest

from include.sample.calls import Call
from include.sample.days import Days
from include.sample.known import KNOWN, Known, calls

BASE = date(2026, 3, 14)
EVERY_WEEKDAY = [BASE + timedelta(days=shift) for shift in range(7)]

each_customer = pytest.mark.parametrize("customer", KNOWN, ids=lambda each: each.key)


def calls_of(customer: Known, base: date) -> list[Call]:
    return [call for call in calls(Days(base)) if call.context["groupId"] == customer.external_id]


def ages(customer: Known, base: date) -> Counter[int]:
    """Activities by how many days ago they were."""
    return Counter((base - call.at.date()).days for call in calls_of(customer, base))


def within(counts: Counter[int], first: int, last: int) -> int:
    return sum(counts[age] for age in range(first, last + 1))


@each_customer
@pytest.mark.parametrize("base", EVERY_WEEKDAY)
def test_windows_and_trend_are_as_expected_on_every_weekday(customer: Known, base: date):
    counts, expected = ages(customer, base), customer.expected
    now, before = within(counts, 0, 29), within(counts, 30, 59)
    assert within(counts, 0, 6) == expected.activities_7d
    assert (now, before) == (expected.activities_30d, expected.previous_30d)
    assert expected.change_30d == (pytest.approx((now - before) / before) if before else None)
    assert expected.trend == trend(counts, now, before)


def trend(counts: Counter[int], now: int, before: int) -> str | None:
    if not counts:
        return None
    if not now and before:
        return "stopped"
    if max(counts) < 30:
        return "new"
    change = (now - before) / before
    if abs(change) <= 0.2 or abs(now - before) <= 5:
        return "flat"
    return "up" if change > 0 else "down"


@each_customer
def test_breadth_and_recency_are_as_expected(customer: Known):
    recent = [call for call in calls_of(customer, BASE) if (BASE - call.at.date()).days < 30]
    active = {call.user_id for call in recent}
    assert len(active) == customer.expected.active_endusers_30d
    assert customer.expected.breadth == 10 * len(active) / customer.endusers
    counts = ages(customer, BASE)
    recency = max(0.0, 10 * (1 - min(counts) / 30)) if counts else None
    assert customer.expected.recency == recency


# A week may be any seven days that end on the base date, or begin on a Monday: then the last full
# one ended up to six days ago.
@each_customer
@pytest.mark.parametrize("ended", range(7))
def test_alerts_are_the_same_however_weeks_are_cut(customer: Known, ended: int):
    counts = ages(customer, BASE)
    weeks = [within(counts, ended + 7 * back, ended + 7 * back + 6) for back in range(12)]
    last, baseline = weeks[0], weeks[1:9]
    alerts = set()
    if sum(week > 0 for week in weeks) >= 3:
        middle = median(baseline)
        spread = 3 * median(abs(week - middle) for week in baseline)
        alerts = {"drop"} if last < middle - spread else set()
        alerts |= {"spike"} if last > middle + spread else set()
    if not within(counts, 0, 29) and within(counts, 30, 59):
        alerts.add("stopped")
    assert alerts == customer.expected.alerts


def test_every_trend_and_every_alert_has_a_customer():
    trends = {each.expected.trend for each in KNOWN}
    assert trends == {"up", "flat", "down", "stopped", "new", None}
    assert set().union(*(each.expected.alerts for each in KNOWN)) == {"drop", "spike", "stopped"}
