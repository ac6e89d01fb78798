"""The smallest calls that once broke a build or were lost, each as it was found."""

import gzip
import json
from pathlib import Path

import pytest

from include.collector.load import Loaded, load_files
from tests.include.collector import longest
from tests.include.collector.conftest import Running

KNOWN = {"type": "track", "event": "Opened", "userId": "u"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"messageId": longest.text("letters", characters=3_000)}, "message_id_too_long"),
        ({"type": longest.text("letters", characters=3_000)}, "type_too_long"),
        (
            {"type": longest.text("emoji", characters=700),
             "anonymousId": longest.text("emoji", characters=700)},
            "type_too_long",
        ),
    ],
)  # fmt: skip
def test_an_id_and_a_type_without_end_are_kept_apart(collector: Running, said: dict, reason: str):
    answer = collector.post("/v1/batch", {"batch": [KNOWN | {"messageId": "m"} | said]}).json()
    assert answer["quarantined"] == [{"index": 0, "reason": reason}]
    (kept,) = collector.quarantine()
    assert "characters; at most" in kept["detail"]
    assert collector.events() == []


def test_an_identify_that_says_its_traits_in_the_context_is_stored_as_it_is(collector: Running):
    call = {
        "type": "identify", "channel": "web", "messageId": "in-05", "userId": "rudder-u9",
        "anonymousId": "rudder-a9",
        "context": {
            "traits": {"email": "rudi.nine@juniper-foods.example", "firstName": "Rudi"},
            "library": {"name": "RudderLabs JavaScript SDK", "version": "2.5.0"},
        },
        "integrations": {"All": True},
    }  # fmt: skip
    assert collector.post("/v1/batch", {"batch": [call]}).json()["accepted"] == 1
    assert [each["payload"] for each in collector.events()] == [call]


def test_a_user_id_beside_a_null_is_not_lost(collector: Running):
    call = KNOWN | {"message_id": "in-06", "userId": None, "user_id": "cobalt-clinics-001"}
    assert collector.post("/dock/segment", call, key="demo-token").json()["accepted"] == 1
    (event,) = collector.events()
    assert event["message_id"] == "in-06"
    assert event["payload"]["userId"] == "cobalt-clinics-001"


def test_a_call_in_snake_case_that_is_sent_again_is_one(collector: Running):
    call = {
        "type": "track", "event": "Snake", "message_id": "in-07", "user_id": "cobalt-clinics-001",
        "original_timestamp": "2026-11-20T10:48:29Z",
    }  # fmt: skip
    for second in ("00", "30"):
        again = call | {"sent_at": f"2026-11-28T10:00:{second}Z"}
        collector.post("/v1/batch", {"batch": [again]})
    (event,) = collector.events()
    assert (event["message_id"], event["payload"]["sent_at"][17:19]) == ("in-07", "00")


def test_one_body_in_two_members_is_read_and_two_bodies_are_refused(collector: Running):
    body = json.dumps({"batch": [KNOWN | {"messageId": f"in-08a-{n}"} for n in (1, 2)]}).encode()
    for packed, status in (
        (gzip.compress(body[:60]) + gzip.compress(body[60:]), 200),
        (gzip.compress(body) + gzip.compress(body), 400),
    ):
        headers = {"Content-Encoding": "gzip"}
        assert collector.post("/v1/batch", packed, headers=headers).status_code == status
    assert len(collector.events()) == 2


def test_a_file_with_a_byte_order_mark_lands_whole(collector: Running, tmp_path: Path):
    lines = [json.dumps(KNOWN | {"messageId": f"in-09-{n}"}) for n in (1, 2)]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines), encoding="utf-8-sig")
    loaded = load_files(collector.warehouse, [tmp_path / "calls.jsonl"], "demo-app", print)
    assert loaded == Loaded(2, 2, 0, 0)


def test_no_key_is_stored_wherever_it_stands(collector: Running):
    call = KNOWN | {"messageId": "in-11", "write_key": "SECRET-A"}
    call["context"] = {"writeKey": "SECRET-B"}
    assert collector.post("/v1/track", call).json()["accepted"] == 1
    batch = {"batch": [KNOWN | {"messageId": "other"}], "write_key": "SECRET-C"}
    batch["context"] = {"write_key": "SECRET-D"}
    assert collector.post("/v1/batch", batch).json()["accepted"] == 1
    batch["batch"][0]["event"] = None
    assert collector.post("/v1/batch", batch).json()["quarantined"]
    collector.post("/v1/batch", json.dumps(batch | {"integrations": 7}))
    found = collector.rows(
        "select payload::text as text from raw_segment.events union all"
        " select concat(payload, envelope, detail) from raw_segment.quarantine"
    )
    assert len(found) == 4
    assert "SECRET" not in str(found)
    assert collector.events()[0]["payload"] == KNOWN | {"messageId": "in-11", "context": {}}
