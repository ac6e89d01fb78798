from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from include.sample.calls import Call, messages
from include.sample.customers import CUSTOMERS
from include.sample.days import DAYS_OF_USAGE
from include.sample.traffic import calls

BASE = date(2026, 3, 14)
CALLS = calls(BASE)


@pytest.mark.parametrize("shift", range(7))
def test_there_are_about_twenty_thousand_calls_on_every_weekday(shift: int):
    assert 19_000 <= len(calls(BASE + timedelta(days=shift))) <= 21_000


def test_the_same_base_date_gives_the_same_messages():
    assert messages(calls(BASE)[:500]) == messages(CALLS[:500])
    assert calls(BASE) == CALLS


def test_message_ids_are_unique_but_for_the_case_about_it():
    ids = Counter(call.message_id for call in CALLS)
    assert [name for name, count in ids.items() if count > 1] == ["sample-case-once-1"]


def test_the_usage_covers_ninety_days_and_stays_off_midnight():
    first = BASE - timedelta(days=DAYS_OF_USAGE - 1)
    assert {min(call.at for call in CALLS).date(), max(call.at for call in CALLS).date()} == {
        first, BASE,
    }  # fmt: skip
    # Arriving moves an event by moments: none may change its day.
    assert all((call.at.hour, call.at.minute) < (23, 30) for call in CALLS)


def test_calls_are_sent_as_they_happened_but_for_the_late_ones():
    order = [call.at for call in CALLS]
    late = sum(later < earlier for earlier, later in pairwise(order))
    assert 1 <= late <= 5


def test_weeks_have_a_rhythm():
    ordinary = {customer.key for customer in CUSTOMERS}
    days = Counter(
        call.at.weekday()
        for call in CALLS
        if isinstance(call, Call) and call.context.get("groupId") in ordinary
    )
    assert min(days[weekday] for weekday in range(5)) > 3 * max(days[5], days[6])


def test_customers_develop_as_they_are_meant_to():
    def active(key: str, first: int, last: int) -> int:
        prefix = f"sample-{key}-"
        return sum(
            call.message_id.startswith(prefix) and first <= (BASE - call.at.date()).days <= last
            for call in CALLS
        )

    by_course = {customer.course: customer.key for customer in CUSTOMERS}
    assert set(by_course) == {"steady", "growing", "shrinking", "churned", "new", "seasonal"}
    assert active(by_course["growing"], 0, 29) > 1.3 * active(by_course["growing"], 60, 89)
    assert active(by_course["shrinking"], 60, 89) > 1.5 * active(by_course["shrinking"], 0, 29)
    assert active(by_course["churned"], 0, 29) == 0 < active(by_course["churned"], 60, 89)
    assert active(by_course["new"], 30, 89) == 0 < active(by_course["new"], 0, 29)


def test_every_type_of_call_noise_and_the_names_of_assets_are_there():
    types = Counter(call.type for call in CALLS if isinstance(call, Call))
    assert set(types) == {"identify", "track", "group", "page", "screen", "alias"}
    events = Counter(call.event for call in CALLS if isinstance(call, Call))
    assert events["Heartbeat"] > 1_000
    named = [call for call in CALLS if isinstance(call, Call) and "asset_id" in call.properties]
    assert len(named) > 300
    groups = [call for call in CALLS if isinstance(call, Call) and call.type == "group"]
    assert any("seats_used" in call.traits for call in groups)
