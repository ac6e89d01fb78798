"""Segment's own Python library, with nothing changed but its host."""

import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from segment.analytics.client import Client
from segment.analytics.request import APIError, post

from tests.include.collector.conftest import Running


@pytest.mark.parametrize("gzip", [False, True])
def test_every_call_of_the_library_lands_once(collector: Running, gzip: bool):
    client = Client("demo-app", host=collector.url, gzip=gzip, upload_interval=0.05)
    context = {"groupId": "acme", "ip": "127.0.0.1"}
    client.identify("u-1", {"email": "ä@example.com", "seats": Decimal("2.50")})
    client.track("u-1", "Report Viewed", {"at": datetime(2026, 1, 1, tzinfo=UTC)}, context)
    client.group("u-1", "acme", {"plan": "pro"})
    client.page("u-1", "Docs", "Start")
    client.screen("u-1", "App", "Home")
    client.alias("a-1", "u-1")
    client.flush()
    client.join()
    events = collector.events()
    assert sorted(each["type"] for each in events) == [
        "alias", "group", "identify", "page", "screen", "track"
    ]  # fmt: skip
    track = next(each["payload"] for each in events if each["type"] == "track")
    assert track["context"]["groupId"] == "acme"
    assert track["properties"] == {"at": "2026-01-01T00:00:00+00:00"}
    assert "sentAt" in track, "the clock of the sender is lost"
    assert all("writeKey" not in each["payload"] for each in events)
    assert all(each["message_id"] == each["payload"]["messageId"] for each in events)


def test_twenty_thousand_tracks_land(collector: Running):
    client = Client("demo-app", host=collector.url, max_queue_size=30_000, upload_size=500)
    for n in range(20_000):
        client.track(f"u-{n % 400}", "Report Viewed", {"n": n})
    client.flush()
    client.join()
    (found,) = collector.rows("select count(distinct message_id) as calls from raw_segment.events")
    assert found["calls"] == 20_000
    assert collector.books()["landed"] == 20_000


def test_the_librarys_sender_reads_our_refusals(collector: Running):
    with pytest.raises(APIError) as caught:
        post("nobody", host=collector.url, batch=[])
    assert (caught.value.status, caught.value.code) == (401, "unknown_key")


def test_a_nan_costs_only_its_own_call(collector: Running, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL, "segment")
    batch = [
        {"type": "track", "userId": "u", "event": "E", "messageId": "m-1", "properties": {"n": 1}},
        {"type": "track", "userId": "u", "event": "E", "messageId": "m-2",
         "properties": {"n": float("nan")}},
    ]  # fmt: skip
    assert post("demo-app", host=collector.url, gzip=True, batch=batch).json() == {
        "success": True, "accepted": 1, "duplicates": 0,
        "quarantined": [{"index": 1, "reason": "malformed_json"}],
    }  # fmt: skip
