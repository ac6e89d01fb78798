"""While the warehouse is away calls go to disk, and what was answered lands afterwards, once."""

import os
import signal
import subprocess
import threading
import time

import httpx
import psycopg

from include.settings import Settings
from include.warehouse import embedded
from tests.include.collector.conftest import Running, running, start_collector


def call(message_id: str) -> dict:
    return {"type": "track", "userId": "u", "event": "E", "messageId": message_id}


def ids(collector: Running) -> list[str]:
    return [each["message_id"] for each in collector.events()]


def test_calls_are_spooled_while_the_warehouse_is_away_and_land_in_order_after(
    own_server: Settings,
):
    with running(embedded.server_url(own_server, "warehouse")) as collector:
        assert collector.post("/v1/track", call("before")).json()["accepted"] == 1
        embedded.stop(own_server)
        for n in range(5):
            answer = collector.post("/v1/track", call(f"during-{n}"))
            assert answer.status_code == 200
            assert answer.json()["accepted"] == 1
        bad = collector.post("/v1/track", {"userId": "u", "event": ""})
        assert bad.json()["quarantined"] == [{"index": 0, "reason": "missing_event"}]
        assert collector.spooled()
        health = collector.get("/health")
        assert health.status_code == 200
        assert health.json()["database"] == "away"
        assert health.json()["spool"]["bytes"] > 0
        embedded.start(own_server)
        collector.wait_until_drained()
        assert collector.post("/v1/track", call("after")).json()["accepted"] == 1
        assert ids(collector) == ["before", *(f"during-{n}" for n in range(5)), "after"]
        assert [each["reason"] for each in collector.quarantine()] == ["missing_event"]
        assert collector.books() == {
            "received": 8, "landed": 7, "duplicates": 0, "quarantined": 1, "spooled": 0
        }  # fmt: skip


def test_a_spooled_call_keeps_the_time_at_which_it_became_durable(own_server: Settings):
    with running(embedded.server_url(own_server, "warehouse")) as collector:
        embedded.stop(own_server)
        assert collector.post("/v1/track", call("m")).status_code == 200
        (segment,) = collector.spooled()
        durable_at = segment.stat().st_mtime
        embedded.start(own_server)
        collector.wait_until_drained()
        (event,) = collector.events()
        assert event["received_at"].timestamp() <= durable_at + 0.01


def test_a_killed_collector_leaves_its_spool_to_the_next_which_starts_without_a_warehouse(
    own_server: Settings,
):
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        embedded.stop(own_server)
        assert collector.post("/v1/track", call("first")).status_code == 200
        collector.stop(signal.SIGKILL)
    with running(url) as collector:
        assert "Until then calls go to the spool" in "".join(collector.lines)
        assert collector.post("/v1/track", call("second")).status_code == 200
        # It may be a new key: nobody can say now, so it is not refused for good.
        assert collector.post("/v1/track", call("x"), key="nobody").status_code == 503
        embedded.start(own_server)
        collector.wait_until_drained()
        assert ids(collector) == ["first", "second"]


def test_a_torn_last_record_costs_nothing_that_was_answered(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        embedded.stop(own_server)
        for n in range(3):
            assert collector.post("/v1/track", call(f"m-{n}")).status_code == 200
        collector.stop(signal.SIGKILL)
        (segment,) = collector.spooled()
        whole = segment.read_bytes()
        segment.write_bytes(whole + whole[:100])  # a record that was being written
    embedded.start(own_server)
    with running(url) as collector:
        collector.wait_until_drained()
        assert ids(collector) == ["m-0", "m-1", "m-2"]


def test_a_segment_that_landed_before_the_kill_is_not_counted_again(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        embedded.stop(own_server)
        assert collector.post("/v1/track", call("m")).status_code == 200
        (segment,) = collector.spooled()
        content = segment.read_bytes()
        embedded.start(own_server)
        collector.wait_until_drained()
        segment.write_bytes(content)  # as if the kill had come before the deletion
        collector.stop(signal.SIGKILL)
    with running(url) as collector:
        collector.wait_until_drained()
        assert ids(collector) == ["m"]
        assert collector.books()["received"] == 1


def test_a_full_spool_answers_503_and_recovers(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    with running(url, "--spool-mb", "1") as collector:
        embedded.stop(own_server)
        accepted = []
        big = "x" * 30_000
        for n in range(60):
            answer = collector.post("/v1/track", {**call(f"m-{n}"), "properties": {"big": big}})
            if answer.status_code == 200:
                accepted.append(f"m-{n}")
            else:
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
        assert 20 < len(accepted) < 60
        assert collector.get("/health").status_code == 503
        embedded.start(own_server)
        collector.wait_until_drained()
        assert collector.post("/v1/track", call("after")).status_code == 200
        assert ids(collector) == [*accepted, "after"]


def test_a_disk_that_ends_answers_503_and_keeps_what_was_answered(own_server: Settings):
    """A limit on the size of files is what a full disk looks like."""
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        limit = ("prlimit", f"--pid={collector.process.pid}", "--fsize=100000")
        subprocess.run(limit, check=True)
        embedded.stop(own_server)
        accepted = []
        for n in range(20):
            answer = collector.post(
                "/v1/track", {**call(f"m-{n}"), "properties": {"big": "x" * 30_000}}
            )
            assert answer.status_code in (200, 503)
            accepted += [f"m-{n}"] if answer.status_code == 200 else []
        assert accepted
        embedded.start(own_server)
        collector.wait_until_drained()
        assert ids(collector)[: len(accepted)] == accepted


def test_without_a_spool_the_answer_is_503_and_nothing_is_kept(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    with running(url, "--spool-mb", "0") as collector:
        assert collector.post("/v1/track", call("before")).status_code == 200
        embedded.stop(own_server)
        away = collector.post("/v1/track", call("during"))
        assert away.status_code == 503
        assert int(away.headers["retry-after"]) > 0
        assert collector.get("/health").status_code == 503
        embedded.start(own_server)
        assert collector.post("/v1/track", call("during")).status_code == 200
        assert ids(collector) == ["before", "during"]


def test_a_frozen_warehouse_delays_an_answer_but_does_not_lose_or_double_a_call(
    own_server: Settings,
):
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        assert collector.post("/v1/track", call("before")).status_code == 200
        with psycopg.connect(url) as connection:
            backends = connection.execute(
                "select pid from pg_stat_activity where application_name like 'collector %'"
            ).fetchall()
        for (pid,) in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert collector.post("/v1/track", call("during")).status_code == 200
            assert collector.spooled()
        finally:
            for (pid,) in backends:
                os.kill(pid, signal.SIGCONT)
        collector.wait_until_drained()
        assert ids(collector) == ["before", "during"]


def test_a_group_that_takes_longer_than_a_client_waits_lands_from_the_spool(start, warehouse: str):
    slow(warehouse, "pg_sleep(5)")
    collector: Running = start()
    assert collector.post("/v1/track", call("slow")).status_code == 200
    assert collector.spooled()
    # It must not keep what is behind it for ever.
    assert collector.post("/v1/track", call("behind")).status_code == 200
    collector.wait_until_drained()
    assert ids(collector) == ["slow", "behind"]
    assert collector.books() == {
        "received": 2, "landed": 2, "duplicates": 0, "quarantined": 0, "spooled": 0
    }  # fmt: skip


def test_who_sends_while_a_slow_group_is_drained_does_not_wait_for_it(start, warehouse: str):
    slow(warehouse, "pg_advisory_xact_lock_shared(7)")
    collector: Running = start()

    def waiting() -> list[int]:
        query = "select pid from pg_locks where locktype = 'advisory' and not granted"
        return [each["pid"] for each in collector.rows(query)]

    with psycopg.connect(warehouse, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(7)")
        assert collector.post("/v1/track", call("slow")).status_code == 200
        assert collector.spooled()
        while not (drains := waiting()):
            time.sleep(0.01)
        for n in range(20):
            assert collector.post("/v1/track", call(f"behind-{n}")).status_code == 200
        assert waiting() == drains, "they were answered after the attempt, not during it"
    collector.wait_until_drained()
    assert ids(collector) == ["slow", *(f"behind-{n}" for n in range(20))]
    assert collector.books()["landed"] == 21
    assert collector.post("/v1/track", call("slow")).json()["duplicates"] == 1


def slow(url: str, how: str) -> None:
    """Have Postgres do `how` when the call `slow` lands."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "create function slow() returns trigger language plpgsql as"
            f" $$ begin perform {how}; return new; end $$;"
            " create trigger slow before insert on raw_segment.events"
            " for each row when (new.message_id = 'slow') execute function slow()"
        )  # type: ignore[call-overload]


def test_a_connection_that_postgres_ends_is_replaced_at_once(start, warehouse: str):
    collector = start()
    assert collector.post("/v1/track", call("m")).status_code == 200
    with psycopg.connect(warehouse, autocommit=True) as admin:
        ended = admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name like 'collector %' and datname = current_database()"
        ).fetchall()
    assert ended
    assert collector.post("/v1/track", call("m")).json()["duplicates"] == 1


def test_a_collector_that_never_knew_its_keys_does_not_start_without_its_warehouse():
    process = start_collector("postgresql://someone:secret@127.0.0.1:1/unknown")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "does not answer" in output


def test_stopping_lands_what_was_taken(start):
    collector: Running = start()
    batch = {"batch": [call(f"m-{n}") for n in range(2_000)]}
    with httpx.Client(base_url=collector.url, auth=("demo-app", ""), timeout=60) as client:
        answers: list[httpx.Response] = []
        sender = threading.Thread(target=lambda: answers.append(client.post("/v1/b", json=batch)))
        sender.start()
        while not collector.rows("select 1 as one from raw_segment.loads") and sender.is_alive():
            time.sleep(0.001)
        assert collector.stop(signal.SIGTERM) == 0
        sender.join()
    assert answers[0].status_code == 200
    assert len(collector.events()) == 2_000
