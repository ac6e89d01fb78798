"""The quarantine again: what can land does, once; the books follow; the rest stays."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.collector.load import Loaded
from include.collector.replay import replay
from include.errors import BusyError
from tests.include.collector.conftest import Running


def quiet(line: str) -> None:
    pass


def fix(collector: Running, wrong: str, right: str) -> None:
    """As a person would repair kept calls; a fix in the code has the same effect."""
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute(
            "update raw_segment.quarantine set payload = replace(payload, %s, %s)", [wrong, right]
        )


def test_a_fixed_call_lands_as_it_would_have_at_first(collector: Running):
    body = (
        b'{"sentAt":"2026-01-01T00:00:00Z","context":{"groupId":"acme"},"batch":['
        b'{"type":"track","userId":"u","event":"E","messageId":"m","properties":{"n":NaN}},'
        b'{"type":"track","userId":"u","event":"E","messageId":"still","properties":Infinity}]}'
    )
    assert len(collector.post("/v1/batch", body).json()["quarantined"]) == 2
    (arrived, _) = [each["received_at"] for each in collector.quarantine()]
    fix(collector, "NaN", "1")
    assert replay(collector.warehouse, say=quiet) == Loaded(2, 1, 0, 1)
    (event,) = collector.events()
    assert event["received_at"] == arrived
    assert event["payload"] == {
        "type": "track", "userId": "u", "event": "E", "messageId": "m", "properties": {"n": 1},
        "sentAt": "2026-01-01T00:00:00Z", "context": {"groupId": "acme"},
    }  # fmt: skip
    assert [each["replayed_at"] is not None for each in collector.quarantine()] == [True, False]
    assert collector.books() == {
        "received": 2, "landed": 1, "duplicates": 0, "quarantined": 1, "spooled": 0
    }  # fmt: skip


def test_a_batch_with_an_unusable_context_lands_whole_once_that_is_repaired(collector: Running):
    body = (
        b'{"context":{"ip":"\\u0000"},"integrations":{"All":false},"sentAt":"2026-01-01T00:00:00Z",'
        b'"batch":[{"type":"x","messageId":"m-1"},'
        b'{"type":"x","messageId":"m-2","context":{"page":"p"}}]}'
    )
    assert len(collector.post("/v1/batch", body).json()["quarantined"]) == 2
    # Nothing has changed: nothing lands without its context.
    assert replay(collector.warehouse, say=quiet) == Loaded(2, 0, 0, 2)
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute(
            "update raw_segment.quarantine"
            " set envelope = replace(envelope, %s, '::1') where payload like '%%m-1%%'",
            ["\\\\u0000"],
        )
    assert replay(collector.warehouse, "nul_character", say=quiet) == Loaded(2, 1, 0, 1)
    (event,) = collector.events()
    assert event["payload"] == {
        "type": "x", "messageId": "m-1", "sentAt": "2026-01-01T00:00:00Z",
        "context": {"ip": "::1"}, "integrations": {"All": False},
    }  # fmt: skip
    assert collector.books() == {
        "received": 2, "landed": 1, "duplicates": 0, "quarantined": 1, "spooled": 0
    }  # fmt: skip


def test_a_replay_again_lands_nothing_twice(collector: Running):
    for _ in range(2):  # the client sent it twice
        collector.post("/v1/track", b'{"userId":"u","event":"E","messageId":"m","x":NaN}')
    fix(collector, "NaN", "1")
    assert replay(collector.warehouse, say=quiet) == Loaded(2, 1, 1, 0)
    assert replay(collector.warehouse, say=quiet) == Loaded(0, 0, 0, 0)
    assert [each["type"] for each in collector.events()] == ["track"]
    assert collector.books() == {
        "received": 2, "landed": 1, "duplicates": 1, "quarantined": 0, "spooled": 0
    }  # fmt: skip


def test_a_call_of_the_webhooks_size_is_not_too_large_for_a_replay(collector: Running):
    large = b'{"type":"x","messageId":"m","n":NaN,"more":"' + b"x" * 60_000 + b'"}'
    answer = collector.post("/webhook", large).json()
    assert answer["quarantined"] == [{"index": 0, "reason": "malformed_json"}]
    fix(collector, "NaN", "1")
    assert replay(collector.warehouse, say=quiet) == Loaded(1, 1, 0, 0)


def test_reason_and_time_choose_what_is_replayed(collector: Running):
    collector.post("/v1/track", b'{"userId":"u","event":"E","messageId":"m-1","x":NaN}')
    collector.post("/v1/track", b'{"userId":"u","event":"","messageId":"m-2"}')
    fix(collector, "NaN", "1")
    fix(collector, '""', '"E"')
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert replay(collector.warehouse, since=later, say=quiet) == Loaded()
    assert replay(collector.warehouse, "missing_event", say=quiet) == Loaded(1, 1, 0, 0)
    assert [each["message_id"] for each in collector.events()] == ["m-2"]


def test_more_than_one_step_is_replayed(collector: Running):
    calls = b",".join(b'{"type":"x","messageId":"m-%d","n":NaN}' % n for n in range(2_400))
    assert collector.post("/v1/batch", b'{"batch":[' + calls + b"]}").json()["accepted"] == 0
    fix(collector, "NaN", "1")
    assert replay(collector.warehouse, say=quiet) == Loaded(2_400, 2_400, 0, 0)


def test_two_replays_at_once_are_one_too_many(collector: Running):
    with psycopg.connect(collector.warehouse) as other:
        other.execute("select pg_advisory_lock(hashtext('planhat-segment replay'))")
        with pytest.raises(BusyError, match="Another replay is running"):
            replay(collector.warehouse, say=quiet)
