"""Whose call it is, as identity would know: a call of somebody suppressed is told by any key."""

import json
from datetime import UTC, datetime

import pytest

from include.collector.event import Bad, Envelope, Row, read_wanted
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from include.collector.screening import Screen
from include.collector.turned_away import TurnedAway
from include.privacy.keys import HashKey, crc
from include.privacy.suppressed import Suppressed, number_of, packed

KEY = HashKey(b"k" * 32)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
# As a migration sets them.
NAMES = [
    ("anonymous_id", "anonymousId"), ("anonymous_id", "anonymous_id"),
    ("email", "traits.email"), ("email", "context.traits.email"),
    ("property_email", "properties.email"),
    ("user_id", "userId"), ("user_id", "user_id"), ("user_id", "traits.id"),
]  # fmt: skip
LISTED = [
    ("user_id", "u-1"), ("user_id", "1042"), ("email", "ada@example.com"), ("anonymous_id", "a-1"),
]  # fmt: skip


def number(kind: str, text: str) -> int:
    return number_of(KEY.hash(kind, text))


def written(listed: list[tuple[str, str]]) -> tuple[bytes, bytes]:
    """Hashes and tags as the warehouse writes them."""
    rows = sorted((number(kind, text), crc(kind, text.encode())) for kind, text in listed)
    return packed("Q", [one for one, _ in rows]), packed("I", [tag for _, tag in rows])


def turned_away(listed=LISTED, lifted=None, names=NAMES) -> TurnedAway:
    return TurnedAway(KEY, Suppressed(*written(listed), lifted), names)


def read(call: dict | bytes, guard: TurnedAway | None = None, **envelope) -> Row | Bad | None:
    raw = call if isinstance(call, bytes) else json.dumps(call).encode()
    outer = Envelope.of({name: json.dumps(said).encode() for name, said in envelope.items()})
    screen = Screen(guard or turned_away())
    return read_wanted(raw, 0, MadeIds("s"), outer, Limits(), screen, NOW)


def track(**said) -> dict:
    return {"type": "track", "event": "E", "messageId": "m", **said}


@pytest.mark.parametrize(
    "call",
    [
        track(userId="u-1"),
        track(userId=" u-1\u200b", anonymousId="b"),
        track(user_id="u-1"),
        track(userId=1042),
        track(anonymousId="a-1", userId="other"),
        track(anonymousId="a-1", userId=None),
        track(properties={"email": "Ada@Example.com"}),
        track(userId="other", context={"traits": {"email": " ADA@example.com "}}),
        {"type": "identify", "userId": "other", "traits": {"email": "ada@example.com"}},
        {"type": "identify", "traits": {"id": "u-1"}},
        {"type": "group", "groupId": "g", "userId": "u-1"},
        {"type": "alias", "userId": "new", "previousId": "a-1"},
        {"type": "alias", "userId": "new", "previousId": "u-1"},
        {"type": "delete", "userId": "u-1"},
        # what cannot land is not kept either
        {"type": "track", "userId": "u-1"},
        {"userId": "u-1", "event": "E"},
        {"type": "track", "event": ["E"], "userId": "u-1"},
        track(userId="u-1", properties={"text": "x" * 40_000}),
    ],
    ids=lambda call: json.dumps(call)[:60],
)  # fmt: skip
def test_a_call_of_somebody_suppressed_is_neither_a_row_nor_kept_apart(call):
    assert read(call) is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"track","event":"E","userId":1042.0}',
        b'{"type":"track","event":"E","userId":1.042e3}',
        b'{"type":"identify","userId":"x","traits":{"id": 1042.00}}',
        b'{"type":"alias","userId":"x","previousId":1042.0}',
        b'{"type":"track","userId":"u-1"',
        b'{"type":"track","user_id" : "u\\u002d1","x":NaN}',
        b'{"context":{"traits":{"email":"ADA@example.com"}},,}',
        b'{"anonymousId":"a-1","x":\xff}',
        b'{"userId":1.042e3,,}',
    ],
)
def test_a_number_is_known_by_its_digits_and_a_broken_call_by_what_it_says(raw):
    assert read(raw) is None


@pytest.mark.parametrize(
    "call",
    [
        track(userId="U-1"),
        track(userId="u-10", anonymousId="u-1"),
        track(userId="other", properties={"email": "ada@example.com"}),  # an invitation
        track(userId="other", properties={"userId": "u-1", "text": "ada@example.com"}),
        track(userId=None, anonymousId="b"),
        track(userId=1042.5),
        track(userId=True),
        # traits of a group are a company's
        {"type": "group", "groupId": "g", "traits": {"id": "u-1", "email": "ada@example.com"}},
        {"type": "track", "event": "E", "previousId": "u-1", "userId": "other"},
    ],
    ids=lambda call: json.dumps(call)[:60],
)  # fmt: skip
def test_everybody_elses_calls_land(call):
    assert isinstance(read(call), Row)


def test_what_a_batch_says_of_its_calls_counts():
    context = {"traits": {"email": "ada@example.com"}}

    assert read(track(userId="other"), context=context) is None
    assert isinstance(read(track(userId="other"), context={"ip": "1"}), Row)
    assert read(b"no call", context=context) is None


def test_a_bad_call_of_somebody_else_is_kept_apart():
    assert isinstance(read({"type": "track", "userId": "other"}), Bad)
    assert isinstance(read(b'{"userId":"other",,}'), Bad)


def test_a_lifted_key_lands_what_happens_from_that_time_on():
    guard = turned_away(lifted={number("user_id", "u-1"): datetime(2026, 3, 5, tzinfo=UTC)})

    assert isinstance(read(track(userId="u-1"), guard), Row)
    assert isinstance(read(track(userId="u-1", timestamp="2026-03-05T00:00:00Z"), guard), Row)
    assert read(track(userId="u-1", timestamp="2026-03-04T23:59:59Z"), guard) is None
    assert read(track(userId="u-1", timestamp="x", originalTimestamp="2026-03-01"), guard) is None
    # a clock that is ahead proves nothing
    later = turned_away(lifted={number("user_id", "u-1"): datetime(2026, 4, 1, tzinfo=UTC)})
    assert read(track(userId="u-1", timestamp="2026-05-01T00:00:00Z"), later) is None
    # another key of the same call that is not lifted
    assert read(track(userId="u-1", anonymousId="a-1"), guard) is None


def test_who_was_asked_for_before_and_is_added_is_turned_away():
    guard = turned_away()
    assert isinstance(read(track(userId="u-2"), guard), Row)

    added = written([("user_id", "u-2")])
    guard.listed.add(*added, {})
    assert read(track(userId="u-2"), guard) is None

    guard.listed.add(*added, {number("user_id", "u-2"): NOW})
    assert isinstance(read(track(userId="u-2"), guard), Row)
    guard.listed.add(*added, {})
    assert read(track(userId="u-2"), guard) is None


def test_keys_are_looked_for_where_the_settings_say():
    names = [*NAMES, ("user_id", "properties.actor.id"), ("email", "context.person.mail")]
    guard = turned_away(names=names)

    assert read(track(properties={"actor": {"id": "u-1"}}), guard) is None
    assert read(track(context={"person": {"mail": "ada@example.com"}}), guard) is None
    assert isinstance(read(track(properties={"actor": "u-1"}), guard), Row)
    assert isinstance(read(track(properties={"actor": {"id": "u-1"}})), Row)


def test_the_list_finds_its_own_among_many_and_nobody_else():
    listed = Suppressed(*written([("user_id", str(n)) for n in range(20_000)]))

    assert len(listed) == 20_000
    assert all(listed.holds(KEY.hash("user_id", str(n))) for n in range(20_000))
    assert not any(listed.holds(KEY.hash("user_id", f"other-{n}")) for n in range(20_000))


def test_rows_without_a_tag_are_found_too():
    hashes, tags = written([("user_id", "u-1"), ("user_id", "u-2")])

    for guard in (
        TurnedAway(KEY, Suppressed(hashes), NAMES),
        TurnedAway(KEY, Suppressed(hashes, tags[:4]), NAMES),
    ):
        assert read(track(userId="u-1"), guard) is None
        assert read(track(userId="u-2"), guard) is None
        assert isinstance(read(track(userId="u-3"), guard), Row)
    guard = TurnedAway(KEY, Suppressed(), NAMES)
    guard.listed.add(hashes, b"", {})
    assert read(track(userId="u-1"), guard) is None
