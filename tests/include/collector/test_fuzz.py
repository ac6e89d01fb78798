"""Whatever is sent: no 5xx, no stuck worker, and every call is answered for."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.collector.event import Bad, Envelope, Row, read_event
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from include.collector.scan import depth, members, pieces
from tests.include.collector.conftest import Running

SETTINGS = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
keys = st.sampled_from(
    ["type", "messageId", "userId", "user_id", "event", "traits", "properties", "context",
     "integrations", "sentAt", "timestamp", "writeKey", "anonymousId", "groupId", "batch"]
)  # fmt: skip
calls = st.dictionaries(keys, values, max_size=6) | st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify"]), "event": st.text(), "properties": values}
)
routes = st.sampled_from(
    ["/v1/batch", "/v1/track", "/v1/i", "/v1/alias", "/dock/segment", "/webhook"]
)


@st.composite
def damaged(draw) -> bytes:
    """JSON with a few bytes cut out, doubled or changed."""
    text = json.dumps(draw(st.lists(calls, max_size=4) | calls)).encode()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(text) - 1, 0)))
        text = text[:place] + draw(st.binary(max_size=3)) + text[place + draw(st.integers(0, 3)) :]
    return text


@SETTINGS
@given(
    st.lists(calls, max_size=6),
    st.dictionaries(st.sampled_from(["context", "integrations", "sentAt"]), values),
)
def test_every_call_of_a_batch_is_answered_for(collector: Running, batch: list, said: dict):
    answer = collector.post("/v1/batch", json.dumps({**said, "batch": batch}))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    answered_for = found["accepted"] + found["duplicates"] + len(found["quarantined"])
    assert answered_for == len(batch)


@SETTINGS
@given(routes, damaged() | st.binary(max_size=200) | values.map(lambda v: json.dumps(v).encode()))
def test_no_body_breaks_a_route(collector: Running, path: str, body: bytes):
    key = "demo-token" if path == "/dock/segment" else "demo-app"
    assert collector.post(path, body, key=key).status_code in (200, 400)


@SETTINGS
@given(
    routes,
    st.dictionaries(
        st.sampled_from(["Authorization", "Content-Encoding", "Content-Type", "X-Signature"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
        .map(str.strip)
        .map(lambda value: value.encode()),
    ),
)
def test_no_header_breaks_a_route(collector: Running, path: str, headers: dict):
    answer = collector.post(path, b'{"batch":[]}', key=None, headers=headers)
    assert answer.status_code in (200, 400, 401, 415)


def test_the_books_balance_after_all_of_it(collector: Running):
    collector.post("/v1/batch", {"batch": [{"type": "track"}, {"type": "x"}]})
    assert collector.books()["received"] == 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100) | damaged())
def test_an_event_is_a_row_or_bad_whatever_its_bytes(raw: bytes):
    found = read_event(raw, 0, MadeIds("s"), Envelope(type="track"), Limits())
    assert isinstance(found, (Row, Bad))
    if isinstance(found, Row):
        assert isinstance(json.loads(found.payload), dict)
    else:
        assert found.text.encode().find(b"\0") == -1


@settings(max_examples=300, deadline=None)
@given(st.lists(values, max_size=5), st.sampled_from([None, 1]))
def test_the_pieces_of_a_list_are_its_members(items: list, indent: int | None):
    text = json.dumps(items, indent=indent).encode()
    found = pieces(text)
    assert found is not None
    assert [repr(json.loads(piece)) for piece in found] == [repr(item) for item in items]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(), values, max_size=5))
def test_the_members_of_an_object_are_its_own(item: dict):
    found = members(json.dumps(item).encode())
    assert found is not None
    read = {json.loads(b'"' + key + b'"'): repr(json.loads(value)) for key, value in found.items()}
    assert read == {key: repr(value) for key, value in item.items()}


def test_depth_counts_levels_and_not_what_strings_contain():
    assert depth(b'{"a": [[1], "[[[[{{{{"], "\\"[": 2}') == 3
    assert depth(b'"[["') == 0
