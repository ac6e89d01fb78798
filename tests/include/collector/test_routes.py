"""Every route with plain HTTP, as any client may speak it."""

import gzip
import json
import zlib
from pathlib import Path

import httpx
import pytest

from include import __version__
from include.collector.sources import set_enabled
from tests.include.collector.conftest import Running

TRACK = {"userId": "u-1", "event": "Report Viewed", "messageId": "m-1"}


def test_a_batch_lands_with_its_source_and_one_load(collector: Running):
    calls = [
        {"type": "track", **TRACK},
        {"type": "identify", "userId": "u-1", "messageId": "m-2"},
    ]
    answer = collector.post("/v1/batch", {"batch": calls})
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "accepted": 2, "duplicates": 0, "quarantined": []}
    events = collector.events()
    assert [(each["message_id"], each["type"], each["source"]) for each in events] == [
        ("m-1", "track", "demo-app"),
        ("m-2", "identify", "demo-app"),
    ]
    assert events[0]["payload"] == calls[0]
    assert {each["load_id"] for each in events} == {
        each["load_id"] for each in collector.rows("select load_id from raw_segment.loads")
    }
    assert collector.books() == {
        "received": 2, "landed": 2, "duplicates": 0, "quarantined": 0, "spooled": 0
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["identify", "track", "group", "page", "screen", "alias"])
def test_a_single_call_lands_by_its_name_and_by_its_letter(collector: Running, kind: str):
    for path in (kind, kind[0]):
        call = {"userId": "u", "event": "E", "messageId": f"m-{path}"}
        assert collector.post(f"/v1/{path}", call).json()["accepted"] == 1
    assert [(each["type"], each["payload"]["type"]) for each in collector.events()] == [
        (kind, kind)
    ] * 2


def test_the_key_may_stand_in_the_body_and_is_not_stored(collector: Running):
    answer = collector.post("/v1/track", {**TRACK, "writeKey": "demo-app"}, key=None)
    assert answer.json()["accepted"] == 1
    batch = {
        "batch": [{"type": "track", **TRACK, "messageId": "m-2", "writeKey": "demo-app"}],
        "writeKey": "demo-app",
    }
    assert collector.post("/v1/b", batch, key=None).json()["accepted"] == 1
    assert all("writeKey" not in each["payload"] for each in collector.events())


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/dock/segment", "/webhook"])
@pytest.mark.parametrize("key", ["nobody", None, "demo-apps", "ключ"])
def test_an_unknown_key_is_refused(collector: Running, path: str, key: str | None):
    headers = {"Authorization": f"Bearer {key}".encode()} if key else {}
    answer = httpx.post(collector.url + path, json={"batch": []}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unknown_key"
    assert collector.events() == []


def test_a_tenant_token_is_no_write_key_and_the_other_way_round(collector: Running):
    assert collector.post("/v1/track", TRACK, key="demo-token").status_code == 401
    assert collector.post("/dock/segment", TRACK, key="demo-app").status_code == 401


def test_a_source_that_is_switched_off_is_refused(start, warehouse: str):
    set_enabled(warehouse, "demo-app", False)
    collector = start()
    assert collector.post("/v1/track", TRACK).status_code == 401
    assert collector.post("/v1/track", TRACK, key="demo-planhat").status_code == 200


def test_the_partner_form_is_stored_in_segments_spelling(collector: Running):
    call = {
        "type": "group", "user_id": "12345", "group_id": "acme", "message_id": "m-1",
        "anonymous_id": "a-1", "sent_at": "2026-01-01T00:00:00Z",
        "traits": {"company_size": 4, "user_id": "stays"},
    }  # fmt: skip
    answer = collector.post("/dock/segment", call, key="demo-token")
    assert answer.json() == {"success": True, "accepted": 1, "duplicates": 0, "quarantined": []}
    (event,) = collector.events()
    assert (event["message_id"], event["type"], event["source"]) == ("m-1", "group", "demo-app")
    assert event["payload"] == {
        "type": "group", "userId": "12345", "groupId": "acme", "messageId": "m-1",
        "anonymousId": "a-1", "sentAt": "2026-01-01T00:00:00Z",
        "traits": {"company_size": 4, "user_id": "stays"},
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_bodies_are_read(collector: Running, encoding: str):
    plain = json.dumps({"batch": [{"type": "track", **TRACK}]}).encode()
    body = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    answer = collector.post("/v1/batch", body, headers={"Content-Encoding": encoding})
    assert answer.json()["accepted"] == 1


def test_a_decompression_bomb_is_refused_and_costs_no_memory(collector: Running):
    bomb = gzip.compress(b" " * 300_000_000)
    answer = collector.post("/v1/batch", bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < 200_000, "kB"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"no gzip", "gzip"), (gzip.compress(b'{"batch": []}')[:-9], "gzip"), (b"{}", "br")],
    ids=["not compressed", "cut short", "another encoding"],
)
def test_a_body_that_is_not_what_it_says_is_refused(collector: Running, body: bytes, encoding: str):
    answer = collector.post("/v1/batch", body, headers={"Content-Encoding": encoding})
    assert answer.status_code == (415 if encoding == "br" else 400)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_beyond_the_limit_is_refused(collector: Running, chunked: bool):
    body = b'{"batch": [' + b" " * 600_000 + b"]}"
    content = iter([body[:100_000], body[100_000:]]) if chunked else body
    answer = httpx.post(collector.url + "/v1/batch", content=content, auth=("demo-app", ""))
    assert answer.status_code == 413


def test_a_browsers_beacon_lands_and_the_browser_is_allowed(collector: Running):
    answer = httpx.post(
        collector.url + "/v1/t",
        content=json.dumps({**TRACK, "writeKey": "demo-app"}),
        headers={"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://app.example"},
    )
    assert answer.json()["accepted"] == 1
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers["access-control-allow-credentials"] == "true"


def test_a_browser_may_ask_first(collector: Running):
    answer = httpx.options(
        collector.url + "/v1/track",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-custom",
        },
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "content-type,x-custom"


def test_analytics_js_is_told_to_send_to_us(collector: Running):
    answer = collector.get("/v1/projects/demo-app/settings")
    segment = answer.json()["integrations"]["Segment.io"]
    assert f"{segment['protocol']}://{segment['apiHost']}" == collector.url + "/v1"
    assert segment["apiKey"] == "demo-app"
    assert collector.get("/v1/projects/nobody/settings").status_code == 401


def test_what_a_batch_says_for_all_is_merged_and_a_calls_own_word_stands(collector: Running):
    batch = {
        "sentAt": "2026-01-02T00:00:00Z",
        "context": {"library": {"name": "ours"}, "groupId": "acme"},
        "integrations": {"All": False},
        "batch": [
            {"type": "track", **TRACK},
            {
                "type": "track", **TRACK, "messageId": "m-2", "sentAt": "2026-01-01T00:00:00Z",
                "context": {"groupId": "other", "ip": "::1"}, "integrations": {"Planhat": True},
            },
            {"type": "track", **TRACK, "messageId": "m-3", "context": None},
        ],
    }  # fmt: skip
    assert collector.post("/v1/batch", batch).json()["accepted"] == 3
    first, second, third = [each["payload"] for each in collector.events()]
    assert first["sentAt"] == "2026-01-02T00:00:00Z"
    assert first["context"] == {"library": {"name": "ours"}, "groupId": "acme"}
    assert first["integrations"] == {"All": False}
    assert second["sentAt"] == "2026-01-01T00:00:00Z"
    assert second["context"] == {"library": {"name": "ours"}, "groupId": "other", "ip": "::1"}
    assert second["integrations"] == {"All": False, "Planhat": True}
    assert third["context"] == first["context"]


def test_every_type_lands_also_delete_and_ones_we_do_not_know(collector: Running):
    calls = [{"type": kind, "userId": "u", "messageId": kind} for kind in ("delete", "dance")]
    assert collector.post("/v1/batch", {"batch": calls}).json()["accepted"] == 2


def test_an_empty_batch_is_answered(collector: Running):
    answer = collector.post("/v1/batch", {"batch": []})
    assert answer.json() == {"success": True, "accepted": 0, "duplicates": 0, "quarantined": []}


def test_other_routes_and_methods_are_refused_clearly(collector: Running):
    assert collector.post("/v1/nothing", {}).status_code == 404
    assert collector.get("/v1/track").status_code == 405
    assert collector.post("/health", {}).status_code == 405


def test_health_says_that_it_is_ready(collector: Running):
    answer = collector.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["database"] == "up"
    assert answer.json()["version"] == __version__
