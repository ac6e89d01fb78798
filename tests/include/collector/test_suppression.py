"""Calls of suppressed people are answered like any and stored nowhere, by whichever way in."""

import base64
import json
import time
from collections.abc import Callable

import psycopg

from include.collector.books import check_books
from include.collector.load import load_files
from include.collector.replay import replay
from include.privacy import suppression
from include.settings import Settings
from include.warehouse import embedded
from tests.include.collector.conftest import Running, running

# Within so many seconds every collector knows what was written.
KNOWN_AFTER = 5.0


def call(message_id: str, user_id: str = "wanted", **said) -> dict:
    return {"type": "track", "userId": user_id, "event": "E", "messageId": message_id, **said}


def suppress(url: str, *ids: str) -> None:
    suppression.suppress(url, ids, by="tester", reason="asked for it")


def wait_until(is_so: Callable[[], bool]) -> None:
    """The promise is five seconds; a busy machine may take longer, and the test still ends."""
    deadline = time.monotonic() + 12 * KNOWN_AFTER
    while not is_so():
        assert time.monotonic() < deadline, "the collector did not come to know it"
        time.sleep(0.1)


def wait_until_turned_away(collector: Running, user_id: str) -> None:
    """Until a call of theirs is not kept any more. What was tried before that goes."""
    probe = {"type": "track", "userId": user_id, "probe": True}
    wait_until(lambda: collector.post("/v1/batch", {"batch": [probe]}).json()["quarantined"] == [])
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute("truncate raw_segment.quarantine, raw_segment.intake")


def stored(url: str) -> str:
    """Everything that the warehouse keeps of calls, as text."""
    with psycopg.connect(url) as connection:
        tables = [
            name for (name,) in connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname in ('raw_segment', 'sync')"
            )
        ]  # fmt: skip
        assert len(tables) > 20
        return "\n".join(
            str(row)
            for table in tables
            for row in connection.execute(f"select t::text from {table} as t").fetchall()
        )


def test_every_way_over_http_answers_as_ever_and_keeps_nothing(collector: Running):
    suppress(collector.warehouse, "gone-77", "Gone-77@Example.com")
    wait_until_turned_away(collector, "gone-77")
    before = collector.turned_away()
    pixel = base64.b64encode(json.dumps(call("p", "gone-77")).encode()).decode()
    broken = '{"batch": [{"type": "track", "userId": "gone-77", "event": NaN}, {"type": "x"}]}'

    single = collector.post("/v1/track", call("m1", "gone-77"))
    assert (single.status_code, single.json()["accepted"]) == (200, 1)
    batch = collector.post(
        "/v1/batch",
        {"batch": [call("m2", "gone-77"), call("m3"), call("m4", "gone-77", timestamp=7), {}]},
    ).json()
    assert (batch["accepted"], batch["duplicates"]) == (3, 0)
    assert batch["quarantined"] == [{"index": 3, "reason": "missing_type"}]
    assert collector.post("/webhook", [call("m5", "gone-77")]).json()["accepted"] == 1
    partner = {"type": "identify", "user_id": "x", "traits": {"email": "gone-77@example.com"}}
    answer = collector.post("/dock/segment", partner, key="demo-token")
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert collector.get(f"/v1/pixel/track?writeKey=demo-app&data={pixel}").status_code == 200
    collector.post("/v1/batch", content=broken)

    assert "gone-77" not in stored(collector.warehouse).lower()
    assert collector.turned_away() == before + 7
    assert {each["message_id"] for each in collector.events() if each["type"] == "track"} == {"m3"}
    assert check_books(collector.warehouse).differences == []
    assert "collector_turned_away_total" in collector.get("/metrics").text


def test_a_call_that_comes_again_after_lifting_lands(collector: Running):
    suppress(collector.warehouse, "back-77")
    wait_until_turned_away(collector, "back-77")
    collector.post("/v1/track", call("first", "back-77"))

    suppression.lift(collector.warehouse, ["back-77"], by="tester")
    wait_until(
        lambda: (
            collector.post("/v1/track", call("again", "back-77"))
            and "again" in [each["message_id"] for each in collector.events()]
        )
    )
    old = call("old", "back-77", timestamp="2026-01-01T00:00:00Z")
    assert collector.post("/v1/track", old).json()["accepted"] == 1
    assert [each["message_id"] for each in collector.events()] == ["again"]


def test_without_the_warehouse_the_list_is_known_and_what_waits_is_looked_at_again(
    own_server: Settings,
):
    url = embedded.server_url(own_server, "warehouse")
    suppress(url, "gone-1")
    with running(url) as collector:
        embedded.stop(own_server)
        for name in ("gone-1", "gone-2", "wanted"):
            answer = collector.post("/v1/track", call(f"{name} waits", name))
            assert answer.json()["accepted"] == 1
        spooled = b"".join(each.read_bytes() for each in collector.spooled())
        assert b"gone-1" not in spooled
        assert b"gone-2" in spooled
        collector.stop()
    # a collector that starts without the warehouse knows who was suppressed
    with running(url) as collector:
        collector.post("/v1/track", call("gone-1 comes again", "gone-1"))
        assert b"gone-1" not in b"".join(each.read_bytes() for each in collector.spooled())
        collector.stop()
    # the list grows before what waits can land
    embedded.start(own_server)
    suppress(url, "gone-2")
    with running(url) as collector:
        collector.wait_until_drained()
        assert [each["message_id"] for each in collector.events()] == ["wanted waits"]
        assert collector.turned_away() == 3
        assert collector.books()["received"] == 4
        assert check_books(url).differences == []
        assert "gone-" not in stored(url)


def test_a_file_and_the_quarantine_are_looked_at_too(warehouse, tmp_path):
    from include.collector.sources import add_source

    add_source(warehouse, "s")
    file = tmp_path / "calls.jsonl"
    bad = {"type": "track", "userId": "gone-3", "messageId": "bad"}
    lines = [call("a", "gone-3"), call("b"), call("c", anonymousId="gone-4"), bad]
    file.write_text("\n".join(json.dumps(each) for each in lines))
    suppress(warehouse, "gone-4")

    first = load_files(warehouse, [file], "s", say=lambda line: None)
    assert (first.landed, first.quarantined, first.turned_away) == (2, 1, 1)
    assert str(first).endswith("1 quarantined, 1 turned away")

    # suppressed after that: what waits in the quarantine goes when it is looked at again
    suppress(warehouse, "gone-3")
    again = replay(warehouse, say=lambda line: None)
    assert (again.calls, again.quarantined, again.turned_away) == (1, 0, 1)
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select count(*) from raw_segment.quarantine").fetchone() == (0,)
    second = load_files(warehouse, [file], "s", say=lambda line: None)
    assert (second.landed, second.duplicates, second.turned_away) == (0, 1, 3)
    assert check_books(warehouse).differences == []
