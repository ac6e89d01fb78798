"""Segment's webhook destination: one call or a list, signed over the raw text."""

import hashlib
import hmac

from include.collector.sources import set_webhook_secret
from tests.include.collector.conftest import Running

# Written as no JSON library would write it: only the raw bytes have this signature.
FIRST = b'{ "type":"track",  "event":"E", "userId":"\\u00fc", "messageId":"m-1",\n "n":1.0 }'
SECOND = b'{"type":"delete","userId":"u","messageId":"m-2"}'


def sign(raw: bytes, secret: str = "shared") -> dict[str, str]:
    return {"X-Signature": hmac.new(secret.encode(), raw, hashlib.sha1).hexdigest()}


def test_a_list_and_a_single_call_land(collector: Running):
    assert collector.post("/webhook", b" [ " + FIRST + b" , " + SECOND + b" ] ").json() == {
        "success": True, "accepted": 2, "duplicates": 0, "quarantined": []
    }  # fmt: skip
    assert collector.post("/webhook", SECOND.replace(b"m-2", b"m-3")).json()["accepted"] == 1
    assert [each["type"] for each in collector.events()] == ["track", "delete", "delete"]


def test_a_signed_source_takes_what_is_signed_and_nothing_else(start, warehouse: str):
    set_webhook_secret(warehouse, "demo-app", "shared")
    collector = start()
    both = b"[" + FIRST + b"," + SECOND + b"]"
    single = SECOND.replace(b"m-2", b"m-3")
    for body, headers in [
        (both, {}),
        (both, {"X-Signature": ""}),
        (both, {"X-Signature": "ü".encode()}),
        (both, sign(both)),  # of a list, only the first call is signed
        (both, sign(FIRST, "another")),
        (single, sign(SECOND)),
        (b"[]", {}),
    ]:
        refused = collector.post("/webhook", body, headers=headers)
        assert refused.status_code == 401, (body, headers)
        assert refused.json()["code"] == "bad_signature"
    assert collector.events() == []
    assert collector.post("/webhook", both, headers=sign(FIRST)).json()["accepted"] == 2
    assert collector.post("/webhook", single, headers=sign(single)).json()["accepted"] == 1


def test_a_signature_is_no_key(start, warehouse: str):
    set_webhook_secret(warehouse, "demo-app", "shared")
    collector = start()
    assert collector.post("/webhook", FIRST, key=None, headers=sign(FIRST)).status_code == 401


def test_a_delivery_of_4000_calls_lands(collector: Running):
    calls = [SECOND.replace(b"m-2", b"m-%d" % n) for n in range(4_000)]
    assert collector.post("/webhook", b"[" + b",".join(calls) + b"]").json()["accepted"] == 4_000


def test_an_unreadable_call_in_a_delivery_is_kept_apart(collector: Running):
    answer = collector.post("/webhook", b"[" + FIRST + b',{"type":NaN},' + SECOND + b"]").json()
    assert (answer["accepted"], answer["quarantined"]) == (
        2, [{"index": 1, "reason": "malformed_json"}]
    )  # fmt: skip
