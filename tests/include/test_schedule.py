"""Schedules in words."""

import pytest

from include.errors import SettingError
from include.schedule import in_words


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


@pytest.mark.parametrize("cron", ["hello", "* * *", ""])
def test_what_is_no_schedule_is_said_in_a_line(cron: str) -> None:
    with pytest.raises(SettingError, match="write five fields"):
        in_words(cron)


@pytest.mark.parametrize("timezone", ["Berlin/Europe", "../etc/passwd", "CEST2"])
def test_a_time_zone_that_does_not_exist_is_said_in_a_line(timezone: str) -> None:
    with pytest.raises(SettingError, match="There is no time zone"):
        in_words("0 6 * * *", timezone)
