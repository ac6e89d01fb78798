"""Texts of any length and alphabet, blanks that nobody sees, times in every spelling: a build takes
them as they come. They land as rows of an earlier version would stand there, past the collector's
own bounds, in one warehouse that is built in steps and once more from scratch.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from include.build import build
from include.collector.times import read_time
from include.settings import Settings
from include.why import tell
from tests.dbt_project.landing import land_objects
from tests.dbt_project.test_any_order import read_everything

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
AS_OF = date(2026, 3, 12)
# Unicode's White_Space, and what nobody sees
BLANKS = [
    chr(point)
    for first, last in (
        (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
        (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069),
        (0xFEFF, 0xFEFF),
    )
    for point in range(first, last + 1)
]  # fmt: skip
# Seen, though they look like little: no blanks
INK = ["\u180e", "\u2800", "\u3164", "·", "_", "\u0301"]


def _long(seed: str, characters: int) -> str:
    """Of four bytes each, and in an order that no compression makes shorter."""
    draw = random.Random(seed)
    return "".join(chr(draw.randrange(0x10000, 0x2FFF0)) for _ in range(characters))


# Everything as long as can be


def _longest_calls() -> list[dict[str, Any]]:
    names = {
        "userId": _long("user", 500), "anonymousId": _long("device", 500),
        "traits": {"email": _long("m", 490) + "@y.example", "company_id": _long("company", 500)},
        "properties": {
            "asset_id": _long("asset", 500), _long("property", 3000): _long("value", 3000),
        },
        "context": {"library": {"name": _long("library", 3000), "version": _long("version", 900)}},
        "timestamp": _long("time", 3000),
    }  # fmt: skip
    unknown = {key: names[key] for key in ("anonymousId", "context", "timestamp")}
    calls = [
        {"type": kind, **names, "event": _long("event", 3000)}
        for kind in ("track", "identify", "page", "screen", "delete", _long("type", 3000))
    ]
    calls += [
        {"type": _long(f"type {number}", 3000), **unknown, "event": _long("event", 3000)}
        for number in range(3)
    ]
    calls += [
        {"type": "track", **unknown, "event": _long("another event", 500)},
        {"type": "alias", "userId": _long("user", 500), "previousId": _long("before", 500)},
        {
            "type": "group", "groupId": _long("company", 500), "timestamp": "2026-03-10T09:00:00Z",
            # a sum of two such numbers is none of Postgres's
            "traits": {_long("trait", 500): "@huge", _long("trait", 3000): 1, "seats": "@huge"},
        },
        {"type": "group", "groupId": _long("company", 500), "traits": {"seats": "@huge"}},
        # too long for a key by one character
        {"type": "track", "event": "Opened", "userId": _long("user", 501)},
    ]  # fmt: skip
    return [
        {**call, "messageId": _long(f"id {number}", 3000 if number else 900)}
        for number, call in enumerate(calls)
    ]


_LONG_ID = _long("object", 600)
_LONG_OBJECTS = {
    "company": [
        {"_id": "long-company", "name": "Long", "externalId": _long("company", 500)},
        {"_id": _LONG_ID, "name": "No id of Planhat's", "externalId": "c-long"},
    ],
    "enduser": [
        {
            "_id": "long-enduser", "companyId": "long-company", "externalId": _long("user", 500),
            "email": _long("m", 490) + "@y.example",
        },
        {"_id": "lost-enduser", "companyId": _LONG_ID, "externalId": _long("user", 501),
         "email": _long("m", 600)},
    ],
    "asset": [
        {"_id": "long-asset", "companyId": "long-company", "externalId": _long("asset", 500)},
    ],
}  # fmt: skip


# Blanks at both ends, on both sides


def _padded_calls() -> list[dict[str, Any]]:
    calls = []
    for number, blank in enumerate(BLANKS):
        pad = blank * (number % 3 + 1)
        of_company = {"properties": {"company_id": f"{pad}c1{pad}"}}
        calls += [
            {
                "type": "track", "messageId": f"user-{number}", "event": f"{pad}Op{blank}ened{pad}",
                "userId": f"{pad}u{number}{pad}", **of_company,
            },
            {
                "type": "identify", "messageId": f"email-{number}",
                "traits": {"email": f"{pad}M{number}@Y.example{pad}", "company_id": "c1"},
            },
            {"type": "track", "messageId": f"blank-{number}", "event": pad, "userId": pad,
             "anonymousId": pad, **of_company},
        ]  # fmt: skip
    for number, ink in enumerate(INK):
        user = f"{ink}u0{ink}"
        calls.append({"type": "track", "messageId": f"ink-{number}", "userId": user, **of_company})
    return calls


_PADDED_OBJECTS = [
    {
        "_id": f"e{number:02}", "companyId": "p1", "externalId": f"{blank}u{number}{blank * 2}",
        "email": f"{blank}m{number}@y.EXAMPLE{blank}",
    }
    for number, blank in enumerate(BLANKS)
]  # fmt: skip


# Times in every spelling


def _spellings() -> list[Any]:
    days = ["2026-03-09", "20260309", "2024-02-29", "2025-02-29", "2026-04-31", "1999-12-31",
            "2026-00-09", "2026-13-09", "2026-3-9", "2026-W10-1", "2026-068", "26-3-9"]  # fmt: skip
    clocks = ["", "T10", "T10:48", "T10:48:29", "T104829", "t10:48:29", " 10:48:29", "T10:48:29.5",
              "T10:48:29.123", "T10:48:29,123456", "T10:48:29.1234567", "T10:48:29.123456789",
              "T10:48:29.", "T24:00:00", "T23:59:60", "T10:60:00", "T1:2:3", " 10:48:29 PM",
              "T10:48:29 p.m."]  # fmt: skip
    offsets = ["", "Z", "z", "+00:00", "+05:45", "-0500", "+14", "+15:00", "-23:59", "+24:00", " Z",
               "GMT", "GMT+02:00", " UTC", "[Europe/Paris]", "+02:00[Europe/Paris]"]  # fmt: skip
    found: list[Any] = [day + clock + offset for day in days for clock in clocks
                        for offset in offsets]  # fmt: skip
    found += [f"{day}9 Mar 2026 10:48:29{zone}" for day in ("", "Mon, ", "Tue, ", "Monday, ")
              for zone in (" GMT", " UT", " +0200", " EST", "", " UTC")]  # fmt: skip
    digits = "1773050909123456"
    found += [digits[:count] + part for count in range(7, 17) for part in ("", ".5", ".1234567")]
    found += [1773050909, 1773050909123, 1773050909.5, True, ["2026-03-09"], {"at": 1}]
    draw = random.Random(3)
    good = [each for each in found if isinstance(each, str) and read_time(each)]
    for _ in range(1_500):
        text = draw.choice(good)
        place = draw.randrange(len(text))
        found.append(text[:place] + draw.choice("0123456789TZ:.,+- é") + text[place + 1 :])
    return found


def _timed_calls() -> list[dict[str, Any]]:
    return [
        {"type": "track", "event": "Timed", "messageId": f"time-{number}", "userId": "u0",
         "timestamp": said, "context": {"library": {"name": "clock", "version": "1"}}}
        for number, said in enumerate(_spellings())
    ]  # fmt: skip


# The warehouse


@dataclass(frozen=True)
class Warehouse:
    url: str
    in_steps: dict[str, Any]
    from_scratch: dict[str, Any]

    def rows(self, query: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]


def _land(url: str, calls: list[dict[str, Any]], source: str = "app") -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into raw_segment.sources (source) values (%s) on conflict do nothing", [source]
        )
        load_id = connection.execute(
            "insert into raw_segment.loads default values returning load_id"
        ).fetchone()[0]
        connection.cursor().executemany(
            "insert into raw_segment.events"
            " (message_id, source, type, received_at, payload, load_id)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (
                    call["messageId"], source, call["type"], AT,
                    json.dumps(call).replace('"@huge"', "9e131071"), load_id,
                )
                for call in calls
            ],
        )  # fmt: skip


@pytest.fixture(scope="module")
def built(module_warehouse: str, module_settings: Settings) -> Warehouse:
    url = module_warehouse

    def make(**options: Any) -> dict[str, Any]:
        build(url, module_settings, requested_by="test", as_of=AS_OF, **options)
        return read_everything(url)

    with psycopg.connect(url) as connection:
        connection.execute("insert into sync.company_metrics (metric) values ('seats')")
        # what an earlier version took
        for table in ("raw_planhat.objects", "raw_segment.sources"):
            bounds = connection.execute(
                "select conname from pg_constraint where conrelid = %s::regclass"
                " and contype = 'c' and conname like '%%is_short'",
                [table],
            ).fetchall()
            for (name,) in bounds:
                connection.execute(f"alter table {table} drop constraint {name}")
    land_objects(url, "company", [{"_id": "p1", "name": "One", "externalId": "\u00a0c1\t"}])
    _land(url, [{"type": "track", "messageId": "first", "event": "Opened", "userId": "u0"}])
    make()
    for model, objects in _LONG_OBJECTS.items():
        land_objects(url, model, objects)
    land_objects(url, "enduser", _PADDED_OBJECTS)
    _land(url, _longest_calls()[::2], _long("source", 500))
    _land(url, _padded_calls())
    make()
    _land(url, _longest_calls()[1::2], _long("source", 500))
    _land(url, _timed_calls())
    in_steps = make()
    return Warehouse(url, in_steps, make(full=True))


def test_the_longest_of_everything_is_built_in_steps_and_from_scratch_alike(built: Warehouse):
    different = {
        table
        for table, rows in built.in_steps.items()
        if rows != built.from_scratch[table]
    }  # fmt: skip
    assert different == set()
    assert built.rows(
        "select count(*), count(*) filter (where reason = 'unsupported_type'),"
        " count(*) filter (where enduser_id = 'long-enduser'),"
        " count(*) filter (where asset_id = 'long-asset')"
        " from marts.event_resolution where octet_length(message_id) > 500"
    ) == [(len(_longest_calls()), 5, 6, 4)]
    assert built.rows("select count(*) from planhat.company") == [(2,)], "an id too long is none"


def test_a_number_that_no_sum_could_hold_is_rejected(built: Warehouse):
    found = built.rows("select metric, reason, value_type from marts.metric_rejections")
    assert found == [("seats", "too_many_digits", "number")] * 2


def test_a_call_of_any_length_is_looked_up_by_index_and_has_a_story(built: Warehouse):
    message_id = _longest_calls()[0]["messageId"]
    plan = built.rows(
        "explain (costs off) select * from marts.event_resolution where message_id = 'first'"
    )
    assert not any("Seq Scan on stg_segment__calls" in line for (line,) in plan)
    lines = "\n".join(tell(built.url, message_id).lines())
    assert "No build has seen it" not in lines
    assert "cannot be read, so when it was" in lines


def test_what_nobody_sees_is_cut_at_both_ends_of_keys_on_both_sides(built: Warehouse):
    found = built.rows(
        "select message_id, enduser_id, event, reason from marts.event_resolution"
        " where message_id ~ '^(user|email|blank)-' order by message_id"
    )
    expected = []
    for number, blank in enumerate(BLANKS):
        expected += [
            (f"user-{number}", f"e{number:02}", f"Op{blank}ened", None),
            (f"email-{number}", f"e{number:02}", None, None),
            (f"blank-{number}", None, "(unnamed)", "no_identity"),
        ]
    assert sorted(found) == sorted(expected)


def test_what_is_seen_stays_part_of_a_key(built: Warehouse):
    found = built.rows(
        "select user_id from marts.event_resolution where message_id like 'ink-%' order by 1"
    )
    assert sorted(found) == sorted((f"{ink}u0{ink}",) for ink in INK)


def test_models_read_times_as_the_collector_does(built: Warehouse):
    found = {
        message_id: (event_at, problem)
        for message_id, event_at, problem in built.rows(
            "select message_id, event_at, time_problem from staging.stg_segment__calls"
            " where message_id like 'time-%'"
        )
    }
    expected = {call["messageId"]: _timed(call["timestamp"]) for call in _timed_calls()}
    said = {call["messageId"]: call["timestamp"] for call in _timed_calls()}
    wrong = {str(said[key]): found[key] for key in expected if found[key] != expected[key]}
    assert wrong == {}
    problems = [problem for _, problem in expected.values()]
    assert problems.count(None) > 400
    assert problems.count("unreadable") > 2_000
    assert problems.count("before_2000") > 20


def _timed(said: Any) -> tuple[datetime, str | None]:
    time = read_time(said)
    if time is None:
        return AT, "unreadable"
    if time.at.year < 2000:
        return AT, "before_2000"
    return (AT, "after_receipt") if time.at > AT + timedelta(days=1) else (time.at, None)


def test_times_that_were_not_usable_are_findings_that_say_nothing_of_anybody(built: Warehouse):
    expected = [_timed(call["timestamp"])[1] for call in _timed_calls()]
    found = dict(
        built.rows(
            "select finding, sum(times)::int from marts.quality"
            " where source = 'app' and library in ('clock 1', '(others)') group by 1"
        )
    )
    assert found == {
        f"time_{problem}": expected.count(problem)
        for problem in ("unreadable", "before_2000", "after_receipt")
        if problem in expected
    }
    shapes = built.rows(
        "select shape from marts.quality where source = 'app' and shape <> '(others)'"
    )
    assert shapes
    assert not any(set(shape) & set("bcdefghijklmnopqrstuvwxyz12345678") for (shape,) in shapes)
    assert all(len(shape) <= 40 for (shape,) in shapes)
    with_long_source = built.rows("select max(length(library)) from marts.quality")
    assert with_long_source[0][0] <= 81


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("unreadable", "cannot be read, so when it was received counts"),
        ("before_2000", "is before the year 2000, so when it was received counts"),
    ],
)
def test_the_story_of_a_call_says_what_was_wrong_with_its_time(
    built: Warehouse, problem: str, words: str
):
    call = next(each for each in _timed_calls() if _timed(each["timestamp"])[1] == problem)
    story = " ".join(" ".join(tell(built.url, call["messageId"]).lines()).split())
    assert words in story
