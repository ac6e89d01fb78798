"""Times that are texts in Segment's tables are read as include/collector/times.py reads them."""

import random
from datetime import datetime

import psycopg

from include.collector.times import read_time
from tests.include.collector.test_times import UNREADABLE

DATES = ["2025-11-20", "20251120", "2024-02-29", "2025-02-29", "0001-01-01", "9999-12-31",
         "2025-13-01", "2025-04-31", "0000-01-01", "2025-00-10", "2025-01-00"]  # fmt: skip
MARKS = ["T", "t", " ", "", "T ", "_"]
CLOCKS = ["", "10", "10:48", "1048", "10:48:29", "104829", "23:59:60", "235960", "24:00:00",
          "10:48:61", "10:60", "10:48:29.", "10:48:29.5", "10:48:29,123456789", "104829.999999999",
          "1:2:3", "10:48 PM"]  # fmt: skip
OFFSETS = ["", "Z", "z", "+02", "-0500", "+05:45", "+23:59", "-24:00", "+01:60", " +02:00", "+2",
           "GMT", "GMT+02:00", " UTC", "[Europe/Paris]", "Z\n"]  # fmt: skip
WEEKDAYS = ["", "Thu, ", "thu,", "Wed, ", "Thu "]
MONTHS = ["Jan", "feb", "MAR", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mai"]
ZONES = [" GMT", " ut", " +0000", " -0730", " +02:00", " EST", "", " GMT+1", " +0000 (UTC)"]


def spellings() -> list[str]:
    found = [d + m + c + o for d in DATES for m in MARKS for c in CLOCKS for o in OFFSETS]
    found += [
        f"{weekday}{day} {month} {year} {clock}{zone}"
        for weekday in WEEKDAYS
        for day in ("20", "6", "31", "006")
        for month in MONTHS
        for year in ("2025", "25")
        for clock in ("10:48:29", "10:48", "24:00", "10:48:60")
        for zone in ZONES
    ]
    digits = "1763635709123456789"
    found += [
        digits[:n] + part for n in range(1, 19) for part in ("", ".5", ".999999999", ".", ",5")
    ]
    found += ["9999999999.999999", "9999999999999.999", "0" * 9, "0" * 13]
    said = random.Random(7)
    found += ["".join(said.choices("0123456789-:.,TZ +GMT", k=said.randint(1, 30)))
              for _ in range(3_000)]  # fmt: skip
    return [*found, *(each for each in UNREADABLE if isinstance(each, str))]


def test_both_readers_say_the_same_of_every_spelling(warehouse: str):
    texts = spellings()
    with psycopg.connect(warehouse) as connection:
        connection.execute("set time zone 'Asia/Kathmandu'; set datestyle = 'German'")
        rows = connection.execute(
            "select said, to_char(raw_segment.read_time(said) at time zone 'UTC',"
            " 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
            " from unnest(%s::text[]) as said",
            [texts],
        ).fetchall()
    found = dict(rows)
    expected = {text: _written(text) for text in texts}
    assert {text: found[text] for text in texts} == expected
    readable = sum(each is not None for each in expected.values())
    assert readable > 1_000
    assert len(texts) - readable > 10_000


def _written(text: str) -> str | None:
    time = read_time(text)
    if time is None:
        return None
    moment: datetime = time.at.replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")


def test_no_function_that_catches_an_error_is_run_by_parallel_workers(warehouse: str):
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "select proname, proparallel from pg_proc"
            " where pronamespace in ('raw_segment'::regnamespace, 'sync'::regnamespace)"
            " and prosrc ~* 'exception when'"
        ).fetchall()
    assert ("as_jsonb", "u") in found
    assert {parallel for _, parallel in found} == {"u"}
