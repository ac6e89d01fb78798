"""A bad call costs nobody else: it is kept with a reason, and its neighbours land."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.include.collector.conftest import Running

GOOD = b'{"type":"track","userId":"u","event":"E","messageId":"good"}'


def track(properties: str) -> bytes:
    head = '{"type":"track","userId":"u","event":"E","messageId":"bad","properties":'
    return head.encode() + properties.encode("utf-8", "surrogateescape") + b"}"


BAD = {
    # what cannot be read
    "NaN": (track('{"n":NaN}'), "malformed_json"),
    "a missing colon": (b'{"type" "track"}', "malformed_json"),
    "a control character": (b'{"type":"track","event":"a\x01b"}', "malformed_json"),
    "a NUL byte": (b'{"type":"track","event":"a\x00b"}', "malformed_json"),
    "a byte that is no UTF-8": (b'{"type":"track","event":"\xff"}', "invalid_utf8"),
    "a surrogate as bytes": (b'{"type":"track","event":"\xed\xa0\x80"}', "invalid_utf8"),
    "a lone high surrogate": (track('"\\ud800"'.join(["[", "]"])), "lone_surrogate"),
    "a lone low surrogate": (track('["\\udc00x"]'), "lone_surrogate"),
    "a cut surrogate": (track('["\\ud83d\\u0041"]'), "lone_surrogate"),
    # what Postgres cannot keep
    "the character NUL": (track('["a\\u0000b"]'), "nul_character"),
    "the character NUL in a key": (track('{"a\\u0000b":1}'), "nul_character"),
    "a huge number": (track("[1e999999]"), "number_out_of_range"),
    "a tiny number": (track("[1e-16000]"), "number_out_of_range"),
    "a number of 30,000 digits": (track("[" + "9" * 30_000 + "]"), "number_out_of_range"),
    "deep nesting": (track("[" * 200 + "]" * 200), "too_deep"),
    "10,000 levels": (track("[" * 10_000 + "]" * 10_000), "too_deep"),
    "10,000 levels that never close": (b'{"type":"track","x":' + b"[" * 10_000, None),
    # what is no call
    "a text": (b'"track"', "not_an_object"),
    "a number": (b"7", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "a list": (b"[]", "not_an_object"),
    "no type": (b'{"userId":"u"}', "missing_type"),
    "a blank type": (b'{"type":" ","userId":"u"}', "missing_type"),
    "a type that is a number": (b'{"type":3,"userId":"u"}', "wrong_shape"),
    "a track of nothing": (b'{"type":"track","userId":"u"}', "missing_event"),
    "a user that is an object": (b'{"type":"identify","userId":{}}', "wrong_shape"),
    "a message id that is a list": (b'{"type":"identify","messageId":[1]}', "wrong_shape"),
    "traits that are a text": (b'{"type":"identify","traits":"all"}', "wrong_shape"),
    "more than 32 KB": (track('"' + "x" * 33_000 + '"'), "too_large"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_call_is_kept_with_its_reason_and_its_neighbours_land(collector: Running, what: str):
    call, reason = BAD[what]
    after = GOOD.replace(b"good", b"after")
    body = b'{"batch":[' + GOOD + b"," + call + b"," + after + b"]}"
    answer = collector.post("/v1/batch", body)
    if reason is None:  # nobody can tell where this call ends
        assert answer.status_code == 400
        return
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "success": True, "accepted": 2, "duplicates": 0,
        "quarantined": [{"index": 1, "reason": reason}],
    }  # fmt: skip
    assert [each["message_id"] for each in collector.events()] == ["after", "good"]
    (kept,) = collector.quarantine()
    assert (kept["source"], kept["reason"]) == ("demo-app", reason)
    assert kept["detail"]
    assert kept["payload"] == call.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    assert collector.books() == {
        "received": 3, "landed": 2, "duplicates": 0, "quarantined": 1, "spooled": 0
    }  # fmt: skip


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("path", ["/v1/track", "/dock/segment", "/webhook"])
def test_a_bad_call_alone_never_breaks_the_collector(collector: Running, what: str, path: str):
    key = "demo-token" if path == "/dock/segment" else "demo-app"
    answer = collector.post(path, BAD[what][0], key=key)
    assert answer.status_code in (200, 400), answer.text
    assert collector.post("/v1/batch", b'{"batch":[' + GOOD + b"]}").json()["accepted"] == 1


@pytest.mark.parametrize(
    "value",
    [
        '"12e456 and 1E999"', '"a\\\\u0000b"', '"\\ud83d\\ude00 ä 漢"', "1e22", "-1.5E-300",
        "9007199254740993", "[]", '{"a":1,"a":2}', '"' + "x" * 30_000 + '"', "1e-7",
    ],
)  # fmt: skip
def test_what_only_looks_bad_lands_as_it_came(collector: Running, value: str):
    call = track('{"v":' + value + "}")
    assert collector.post("/v1/batch", b'{"batch":[' + call + b"]}").json()["accepted"] == 1
    (stored,) = collector.rows("select payload -> 'properties' -> 'v' as v from raw_segment.events")
    assert stored["v"] == json.loads(value)


def test_what_postgres_refuses_is_found_among_many(collector: Running, monkeypatch):
    # 400 digits before the point are a number to us; 131,073 are none to Postgres. A call of that
    # size passes only where the limit is that of the webhook.
    huge = track("{" + '"n":0.' + "1" * 20_000 + "}")
    calls = [GOOD.replace(b"good", b"g-%d" % n) for n in range(50)]
    calls.insert(17, huge)
    answer = collector.post("/webhook", b"[" + b",".join(calls) + b"]")
    assert answer.status_code == 200
    found = answer.json()
    assert found["accepted"] + len(found["quarantined"]) == 51
    assert found["accepted"] >= 50


def test_calls_beyond_the_limit_of_a_batch_are_kept_apart(collector: Running):
    calls = [GOOD.replace(b"good", b"g-%d" % n) for n in range(2_502)]
    answer = collector.post("/v1/batch", b'{"batch":[' + b",".join(calls) + b"]}").json()
    assert answer["accepted"] == 2_500
    assert answer["quarantined"] == [
        {"index": 2_500, "reason": "batch_too_long"},
        {"index": 2_501, "reason": "batch_too_long"},
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[", b"nothing", b'{"batch": 3}', b'{"batch": {"type": "track"}}', b"[]",
     b'{"batch": [{"type": "track"', b'{"batch": [{}}', b'"batch"', b'{"batch" [}', b'{"b": [NaN]}',
     b"[" * 100_000, b'{"a":' * 50_000, b'"' * 300_001, b"\xff\xfe", b"\x00" * 10],
)  # fmt: skip
def test_a_body_that_is_no_batch_is_refused(collector: Running, body: bytes):
    answer = collector.post("/v1/batch", body)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["message"]


def test_a_batch_with_a_context_that_is_too_large_is_refused(collector: Running):
    batch = {"batch": [json.loads(GOOD)] * 100, "context": {"x": "x" * 40_000}}
    assert collector.post("/v1/batch", batch).status_code == 413


# What a batch says for all its calls and cannot be stored

SAID = {
    "a context with the character NUL": ('"context":{"a":"\\u0000"}', "nul_character"),
    "a context with a lone surrogate": ('"context":{"a":"\\ud800"}', "lone_surrogate"),
    "a context with a byte that is no UTF-8": ('"context":{"a":"\udcff"}', "invalid_utf8"),
    "a context with NaN": ('"context":{"a":NaN}', "malformed_json"),
    "a context with a huge number": ('"context":{"a":1e999999}', "number_out_of_range"),
    "a context with a tiny number": ('"context":{"a":1e-16000}', "number_out_of_range"),
    "a context of 200 levels": ('"context":{"a":' + "[" * 200 + "]" * 200 + "}", "too_deep"),
    "a context that is a text": ('"context":"all"', "wrong_shape"),
    "a context that is a list": ('"context":[1]', "wrong_shape"),
    "integrations with the character NUL": (
        '"integrations":{"All":false,"a":"\\u0000"}', "nul_character"
    ),
    "integrations that are true": ('"integrations":true', "wrong_shape"),
    "sentAt with the character NUL": ('"sentAt":"\\u0000"', "nul_character"),
    "sentAt that is an object": ('"sentAt":{}', "wrong_shape"),
}  # fmt: skip


def saying(member: str, *calls: bytes) -> bytes:
    said = member.encode("utf-8", "surrogateescape")
    return b"{" + said + b',"batch":[' + b",".join(calls) + b"]}"


@pytest.mark.parametrize("what", SAID)
def test_no_call_lands_without_what_its_batch_says_for_all(collector: Running, what: str):
    member, reason = SAID[what]
    calls = [GOOD, b'{"type":"track"}', GOOD.replace(b"good", b"other")]
    answer = collector.post("/v1/batch", saying(member, *calls))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "success": True, "accepted": 0, "duplicates": 0,
        "quarantined": [
            {"index": 0, "reason": reason},
            {"index": 1, "reason": "missing_event"},  # what is wrong with the call itself
            {"index": 2, "reason": reason},
        ],
    }  # fmt: skip
    assert collector.events() == []
    kept = collector.quarantine()
    assert [each["payload"].encode() for each in kept] == calls
    name, _, text = member.partition(":")
    for each in (kept[0], kept[2]):
        assert each["detail"].startswith(f"{name[1:-1]} of the batch: ")
        # The text as it came, for whoever repairs it and for a replay.
        (unusable,) = json.loads(each["envelope"])["unusable"].values()
        assert unusable["text"] == text.replace("\udcff", "\\xff")
    assert collector.books() == {
        "received": 3, "landed": 0, "duplicates": 0, "quarantined": 3, "spooled": 0
    }  # fmt: skip


def test_an_unusable_context_costs_no_other_batch(collector: Running):
    # Sent at the same time, so that batches of both kinds share a transaction.
    ids = [f"{name}-{n}" for n in range(40) for name in ("bad", "good")]
    bodies = [
        saying(
            '"context":{"a":"\\u0000"}' if each.startswith("bad") else '"context":{"a":"b"}',
            GOOD.replace(b"good", each.encode()),
        )
        for each in ids
    ]
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda body: collector.post("/v1/batch", body).json(), bodies))
    assert [each["accepted"] for each in answers] == [0, 1] * 40
    assert {each["message_id"] for each in collector.events()} == set(ids[1::2])
    assert all(each["payload"]["context"] == {"a": "b"} for each in collector.events())
    assert len(collector.quarantine()) == 40


@pytest.mark.parametrize(
    ("member", "stored"),
    [
        ('"context":null,"integrations":[],"sentAt":null', {}),
        ('"context":{"a":"\\\\u0000"}', {"context": {"a": "\\u0000"}}),
        ('"sentAt":12', {"sentAt": 12}),  # as a call may say it
        ('"context":{},"integrations":{}', {"context": {}, "integrations": {}}),
        ('"more":NaN,"context":{"a":1}', {"context": {"a": 1}}),
    ],
)
def test_what_only_looks_unusable_is_merged(collector: Running, member: str, stored: dict):
    assert collector.post("/v1/batch", saying(member, GOOD)).json()["accepted"] == 1
    (event,) = collector.events()
    assert event["payload"] == {**json.loads(GOOD), **stored}


def test_the_write_key_is_not_kept_in_the_quarantine(collector: Running):
    body = b'{"writeKey":"demo-app","type":"track","event":NaN}'
    answer = collector.post("/v1/track", body, key=None)
    assert answer.json()["quarantined"] == [{"index": 0, "reason": "malformed_json"}]
    (kept,) = collector.quarantine()
    assert "demo-app" not in kept["payload"]
