"""A time is understood whole or not at all."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from include.collector.times import read_time

NOON = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)


def at(said: object) -> datetime | None:
    found = read_time(said)
    return found.at if found else None


# Spelling of the date, mark between, spelling of the time; both forms, never half of each.
FORMS = (
    ("2025-11-20", ("T", "t", " "), ("10", "10:48", "10:48:29")),
    ("20251120", ("T", "t"), ("10", "1048", "104829")),
)
OFFSETS = {
    "": 0, "Z": 0, "z": 0, "+00:00": 0, "-00:00": 0, "+02": 120, "-0500": -300, "+05:45": 345,
    "+00:20": 20, "-23:59": -1439,
}  # fmt: skip


@pytest.mark.parametrize("offset", OFFSETS)
def test_both_forms_of_iso_are_read_with_every_offset_and_precision(offset: str):
    for date, marks, times in FORMS:
        for mark, (place, time) in product(marks, enumerate(times)):
            local = datetime(2025, 11, 20, *(10, 48, 29)[: place + 1], tzinfo=UTC)
            expected = local - timedelta(minutes=OFFSETS[offset])
            assert at(date + mark + time + offset) == expected, date + mark + time + offset


@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("digits", range(1, 13))
def test_a_fraction_of_a_second_has_any_length_and_is_cut(mark: str, digits: int):
    part = "987654999999"[:digits]
    expected = datetime(2025, 11, 20, 10, 48, 59, int(part.ljust(6, "0")[:6]), tzinfo=UTC)
    assert at(f"2025-11-20T10:48:59{mark}{part}Z") == expected
    assert at(f"20251120T104859{mark}{part}+0000") == expected


@pytest.mark.parametrize("date", ["2025-11-20", "20251120"])
def test_a_date_alone_is_its_first_moment_and_says_no_time_of_day(date: str):
    assert read_time(date) == (datetime(2025, 11, 20, tzinfo=UTC), False)
    assert read_time(date + "T00") == (datetime(2025, 11, 20, tzinfo=UTC), True)


@pytest.mark.parametrize("weekday", ["", "Thu, ", "thu,", "THU,  "])
@pytest.mark.parametrize(
    ("zone", "minutes"), [("GMT", 0), ("UT", 0), ("gmt", 0), ("+0130", 90), ("-0800", -480)]
)
def test_rfc_2822_is_read_with_an_offset_gmt_or_ut(weekday: str, zone: str, minutes: int):
    expected = NOON - timedelta(minutes=minutes)
    assert at(f"{weekday}20 Nov 2025 12:00:00 {zone}") == expected
    assert at(f"{weekday}20 NOV 2025\t12:00 {zone}") == expected
    assert at(f"6 Nov 2025 12:00 {zone}") == expected - timedelta(days=14)


@pytest.mark.parametrize("digits", range(1, 20))
def test_digits_since_1970_are_told_apart_by_their_count(digits: int):
    number = int("1763635709000123456"[:digits])
    unit = {9: 1, 10: 1, 12: 0.001, 13: 0.001}.get(digits)
    if digits == 8:  # the basic form of a date, and 1763 has no month 63
        unit = None
    expected = None if unit is None else datetime.fromtimestamp(number * unit, UTC)
    for said in (number, str(number), float(number), f"{number}.0"):
        assert at(said) == expected, said


def test_digits_may_have_a_fraction_which_is_cut():
    second = datetime(2025, 11, 20, 10, 48, 29, tzinfo=UTC)
    for said in ("1763635709.999999999", "1763635709999.999999"):
        assert at(said) == second.replace(microsecond=999_999)
    assert at(1763635709.5) == at("1763635709500") == second.replace(microsecond=500_000)


# examples of RFC 3339, section 5.8
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000+00:00"),
        ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57+00:00"),
        ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00+00:00"),
        ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00+00:00"),
        ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000+00:00"),
    ],
)
def test_the_examples_of_rfc_3339_are_read(said: str, expected: str):
    assert at(said) == datetime.fromisoformat(expected)


UNREADABLE = [
    # names of zones and clocks that others read with the wrong sign, or half
    "2026-11-20T23:30:00.000GMT+02:00", "2026-11-20T01:30:00.000 GMT-05:00",
    "2026-11-20T10:48:29 UTC+02:00", "2026-11-20T10:30:33 p.m.+0100",
    "2026-11-20T01:48:29 PM.123Z", "2026-11-20 10:48:29 UTC", "2026-11-20T10:48:29 Europe/Paris",
    "2025-11-20T10:48:29.123+02:00[Europe/Paris]", "2026-11-20T10:48:29 EST", "10:48 pm",
    "Thu, 20 Nov 2025 10:48:29 EST", "Thu, 20 Nov 2025 10:48:29 UTC",
    "Thu, 20 Nov 2025 10:48:29 Z", "Thu, 20 Nov 2025 10:48:29 +01:00", "Thu, 20 Nov 2025 10:48:29",
    "Thu, 20 Nov 2025 10:48:29 GMT+0100", "Thu Nov 20 2025 10:48:29 GMT+0100 (CET)",
    "Thu, 20 Nov 25 10:48:29 GMT", "Thu, 20 Nov 2025 10:48:29 +0000 (UTC)",
    # contradictions and what no calendar has
    "Wed, 20 Nov 2025 10:48:29 GMT", "2025-02-29", "2025-13-01", "2025-00-10", "2025-06-31T00:00Z",
    "0000-01-01", "2025-11-20T24:00:00Z", "2025-11-20T10:60:00Z", "2025-11-20T10:48:61Z",
    "2025-11-20T10:48:29+24:00", "2025-11-20T10:48:29+01:60", "0001-01-01T00:00+01:00",
    "9999-12-31T23:59-01:00",
    # half of one form and half of the other; weeks and days of the year; too little or too much
    "2025-11-20T104829Z", "20251120T10:48:29Z", "20251120 104829", "2025-1120", "2025-11",
    "2025-W47-4", "2025W474", "2025-324", "2025324", "+2025-11-20", "-2025-11-20", "25-11-20",
    "2025-11-20T", "2025-11-20T1", "2025-11-20T10:4", "2025-11-20T10:48:29.", "2025-11-20Z",
    "2025-11-20T10:48:29 +02:00", "2025-11-20T10:48:29+2", "2025-11-20T10:48:29+02:0",
    "2025-11-20T10:48:29\u221202:00", "2025/11/20", "20.11.2025", "11/20/2025", "2025-11-20T10.5",
    " 2025-11-20", "2025-11-20\n", "2025-11-20T10:48:29Z\u200b", "\u0662\u0660\u0662\u0665-11-20",
    "now", "today", "infinity", "epoch", "", " ", "-1763635709", "+1763635709", "1763635709.",
    "1.763635709e9", "1,763,635,709", "1763635709,5", "0x1763635709",
    # no text and no number
    None, True, False, [], {}, ["2025-11-20"], float("nan"), float("inf"), -1763635709,
    10**4000,
]  # fmt: skip


def test_everything_else_is_unreadable():
    assert [str(said)[:60] for said in UNREADABLE if read_time(said)] == []


@given(some.text() | some.text("0123456789-:.,TZ+ GMTUnov"))
def test_no_text_breaks_the_reader(said: str):
    found = read_time(said)
    assert found is None or found.at.tzinfo is UTC


@given(some.datetimes(min_value=datetime(1000, 1, 2)), some.integers(-1439, 1439))
def test_what_the_standard_library_writes_is_read_back(moment: datetime, minutes: int):
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    said = moment.isoformat(timespec="microseconds") + f"{sign}{hours:02}:{rest:02}"
    try:
        expected = moment.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    except OverflowError:
        expected = None
    assert at(said) == expected
