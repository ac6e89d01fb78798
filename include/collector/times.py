"""The one strict reader of times: understood whole, or not at all.

A lenient parser reads half of what it does not know: `GMT+02:00` with the wrong sign, `10:30 p.m.`
as the morning. dbt_project/macros/times.sql says the same in SQL.

Read are RFC 3339 and ISO 8601 with a full calendar date, in the extended form or the basic one;
RFC 2822 with a numeric offset, `GMT` or `UT`; and digits since 1970, as a number or a text, told
apart by their count before the point: 9 or 10 are seconds, 12 or 13 milliseconds. Names of zones,
12-hour clocks, weeks, days of a year and everything else are unreadable.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

_OFFSET = r"(?:[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)?"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_EXTENDED = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})(?:[Tt ](?P<hour>[0-9]{2})"
    rf"(?::(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}})(?:[.,](?P<part>[0-9]+))?)?)?{_OFFSET})?"
)
# The same without the marks between the numbers; an offset may have its colon in either form.
_BASIC = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?:[Tt](?P<hour>[0-9]{2})"
    rf"(?:(?P<minute>[0-9]{{2}})(?:(?P<second>[0-9]{{2}})(?:[.,](?P<part>[0-9]+))?)?)?{_OFFSET})?"
)
_RFC_2822 = re.compile(
    rf"(?:(?P<weekday>{'|'.join(_WEEKDAYS)}),[ \t]*)?"
    rf"(?P<day>[0-9]{{1,2}})[ \t]+(?P<month>{'|'.join(_MONTHS)})[ \t]+(?P<year>[0-9]{{4}})[ \t]+"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?[ \t]+"
    r"(?:GMT|UT|(?P<sign>[+-])(?P<hours>[0-9]{2})(?P<minutes>[0-9]{2}))",
    re.IGNORECASE | re.ASCII,
)
_SINCE_1970 = re.compile(r"(?P<digits>[0-9]{9,10}|[0-9]{12,13})(?:\.(?P<part>[0-9]+))?")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Time(NamedTuple):
    """A moment, in UTC and cut to microseconds; of a date alone the midnight that begins it."""

    at: datetime
    has_time_of_day: bool


def read_time(said: object) -> Time | None:
    """The time that a text or a number of JSON says; None when it is not understood whole."""
    if isinstance(said, bool) or not isinstance(said, (str, int, float)):
        return None
    try:
        text = said if isinstance(said, str) else _written(said)
        return _since_1970(text) or _in_numbers(text)
    except (ValueError, OverflowError):  # no such day or hour; or beyond the years 1 to 9999
        return None


def _written(number: float) -> str:
    """Its digits without an exponent, as Postgres writes what it keeps of a JSON number."""
    return format(Decimal(repr(number)), "f")


def _since_1970(text: str) -> Time | None:
    if not (found := _SINCE_1970.fullmatch(text)):
        return None
    digits = found["digits"] + _cut(found["part"], 6 if len(found["digits"]) <= 10 else 3)
    return Time(_EPOCH + timedelta(microseconds=int(digits)), has_time_of_day=True)


def _in_numbers(text: str) -> Time | None:
    found = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text) or _RFC_2822.fullmatch(text)
    if not found:
        return None
    said = found.groupdict()
    month = said["month"]
    day = datetime(
        int(said["year"]),
        int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1,
        int(said["day"]),
        tzinfo=UTC,
    )
    if (weekday := said.get("weekday")) and _WEEKDAYS[day.weekday()] != weekday.lower():
        return None  # it contradicts itself
    return Time(day + (_time_of_day(said) - _offset(said)), said["hour"] is not None)


def _time_of_day(said: dict[str, str | None]) -> timedelta:
    hour, minute, second = (int(said[name] or 0) for name in ("hour", "minute", "second"))
    # Second 60 is a leap second: the first of the next minute, as Postgres has it.
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError
    millionths = int(_cut(said.get("part"), 6))
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=millionths)


def _cut(part: str | None, digits: int) -> str:
    """So many digits after the point: more are dropped, so that no time is in the next second."""
    return (part or "").ljust(digits, "0")[:digits]


def _offset(said: dict[str, str | None]) -> timedelta:
    hours, minutes = (int(said[name] or 0) for name in ("hours", "minutes"))
    if hours > 23 or minutes > 59:
        raise ValueError
    east = timedelta(hours=hours, minutes=minutes)
    return -east if said["sign"] == "-" else east
