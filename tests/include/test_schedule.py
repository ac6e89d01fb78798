"""Schedules in words."""

from datetime import datetime

import pytest

from include.errors import SettingError
from include.schedule import check_schedules, in_words, last_due
from include.settings import load_settings


@pytest.mark.parametrize(
    ("cron", "timezone", "words"),
    [
        ("0 6,12,18 * * *", "UTC", "At 06:00, 12:00 and 18:00, UTC"),
        ("0 6,12,18 * * *", "Europe/Berlin", "At 06:00, 12:00 and 18:00, Europe/Berlin"),
        ("*/15 * * * *", "UTC", "Every 15 minutes, UTC"),
    ],
)
def test_a_schedule_is_said_in_words_with_its_zone(cron: str, timezone: str, words: str) -> None:
    assert in_words(cron, timezone) == words


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("hello", "1 fields"),
        ("", "0 fields"),
        ("@daily", "1 fields"),
        ("0 0 6 * * *", "6 fields"),
        ("0 25 * * *", "out of range"),
        ("0 6 * * 8", "out of range"),
        ("*/0 * * * *", "step '0' in field 0"),
        ("three times a day x", "not acceptable"),
        # Airflow's library takes it, and finds no next time.
        ("0 6 30 2 *", "failed to find next date"),
    ],
)
def test_what_is_no_schedule_is_said_in_a_line_with_its_variable(cron: str, reason: str) -> None:
    with pytest.raises(SettingError) as problem:
        in_words(cron, name="BUILD_CRON")
    said = str(problem.value)
    assert said.startswith(f"BUILD_CRON={cron} is not a schedule (")
    assert reason in said
    assert said.endswith("write five fields like 0 6,12,18 * * *.")
    assert "\n" not in said


@pytest.mark.parametrize("name", ["PUSH_CRON", "BUILD_CRON", "READ_PLANHAT_CRON"])
def test_each_schedule_of_the_settings_is_checked(name: str) -> None:
    check_schedules(load_settings({name: "5 4 * * MON-FRI"}))
    with pytest.raises(SettingError, match=f"^{name}=61 4 "):
        check_schedules(load_settings({name: "61 4 * * *"}))


@pytest.mark.parametrize("timezone", ["Berlin/Europe", "../etc/passwd", "CEST2", "Europe"])
def test_a_time_zone_that_does_not_exist_is_said_in_a_line(timezone: str) -> None:
    with pytest.raises(SettingError, match=r"^PUSH_TIMEZONE: there is no time zone"):
        in_words("0 6 * * *", timezone)


@pytest.mark.parametrize(
    ("timezone", "moment", "due"),
    [
        ("UTC", "2031-03-10T12:00:00+00:00", "2031-03-10T12:00:00+00:00"),
        ("UTC", "2031-03-10T11:59:59+00:00", "2031-03-10T06:00:00+00:00"),
        ("UTC", "2031-03-10T05:59:59.999+00:00", "2031-03-09T18:00:00+00:00"),
        ("Europe/Berlin", "2031-03-10T11:00:00+00:00", "2031-03-10T11:00:00+00:00"),
        ("Europe/Berlin", "2031-03-10T10:59:59+00:00", "2031-03-10T05:00:00+00:00"),
        # the same hour in summer
        ("Europe/Berlin", "2031-07-10T10:00:00+00:00", "2031-07-10T10:00:00+00:00"),
    ],
)
def test_when_a_schedule_was_last_due(timezone: str, moment: str, due: str) -> None:
    found = last_due("0 6,12,18 * * *", timezone, datetime.fromisoformat(moment))
    assert found == datetime.fromisoformat(due)
