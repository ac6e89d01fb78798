"""The books are exact: what is counted is counted in the transaction of what it counts."""

import asyncio
import contextlib
import random
import signal
import threading
import time
from datetime import UTC, datetime

import httpx
import psycopg

from include.collector import landing
from include.collector.event import Row
from include.collector.landing import Outcome, Parcel
from include.collector.sources import add_demo_sources
from include.settings import Settings
from include.warehouse import embedded
from tests.include.collector.conftest import Running, running

# Postgres refuses these calls, slowly: so that a test can come in between. Whoever holds the
# advisory lock 1 has it wait at the refusal that `stop_at` names.
REFUSE = """
create sequence refusals;
create table stop_at (refusal bigint);
insert into stop_at values (null);
create function refuse() returns trigger language plpgsql as $$
begin
    if nextval('refusals') = (select refusal from stop_at) then
        perform pg_advisory_xact_lock(1);
    end if;
    perform pg_sleep(0.01);
    raise exception 'refused' using errcode = 'data_exception';
end
$$;
create trigger refuse before insert on raw_segment.events
for each row when (new.message_id like 'refused%') execute function refuse();
"""


def call(message_id: str, **more) -> dict:
    return {"type": "track", "userId": "u", "event": "E", "messageId": message_id, **more}


def batch(name: str, *, good: int, refused: int) -> dict:
    calls = [call(f"{name}-{n}") for n in range(good)]
    for n in range(refused):
        calls.insert((n * 17) % len(calls), call(f"refused-{name}-{n}"))
    return {"batch": calls}


def refuse(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(REFUSE)


def count(collector: Running, what: str) -> int:
    (found,) = collector.rows(f"select count(*)::int as n from {what}")
    return found["n"]


def test_a_group_with_refused_calls_lands_in_one_transaction(start, warehouse: str):
    refuse(warehouse)
    collector: Running = start()
    answer = collector.post("/v1/batch", batch("a", good=50, refused=3)).json()
    assert answer["accepted"] == 50
    assert [each["reason"] for each in answer["quarantined"]] == ["not_storable"] * 3
    assert sorted(each["payload"].count("refused-") for each in collector.quarantine()) == [1] * 3
    assert count(collector, "raw_segment.loads") == 1
    assert collector.books() == {
        "received": 53, "landed": 50, "duplicates": 0, "quarantined": 3, "spooled": 0
    }  # fmt: skip


def halvings(warehouse: str, body: dict) -> int:
    """How often Postgres refuses a part of the batch before it lands; left as if it never had."""
    with running(warehouse) as collector:
        assert collector.post("/v1/batch", body).status_code == 200
        (found,) = collector.rows("select last_value::int as n from refusals")
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "truncate raw_segment.events, raw_segment.loads, raw_segment.intake,"
            " raw_segment.quarantine"
        )
    return found["n"]


def test_kill_9_while_a_refused_group_is_halved_lands_nothing_of_it(start, warehouse: str):
    refuse(warehouse)
    body = batch("a", good=50, refused=2)
    add_demo_sources(warehouse)
    last = halvings(warehouse, body)
    assert last > 6
    # At the last refusal every part without a refused call has been tried. A part that stayed
    # would be in the books now: without the rest, and a second time when the group lands.
    for refusal in (1, 2, last // 2, last - 1, last):
        collector: Running = start()
        with psycopg.connect(warehouse, autocommit=True) as holder:
            holder.execute("select setval('refusals', 1, false), pg_advisory_lock(1)")
            holder.execute("update stop_at set refusal = %s", [refusal])
            sender = threading.Thread(target=_post_to_the_dying, args=[collector.url, body])
            sender.start()
            while not collector.rows(
                "select 1 as one from pg_locks where locktype = 'advisory' and not granted"
                " and database = (select oid from pg_database where datname = current_database())"
            ):
                assert sender.is_alive(), "the group was answered before it was refused"
                time.sleep(0.01)
            collector.stop(signal.SIGKILL)
            sender.join()
        wait_until_gone(collector)
        for table in ("events", "quarantine", "loads", "intake"):
            assert count(collector, f"raw_segment.{table}") == 0, (refusal, table)
    collector = start()
    assert collector.post("/v1/batch", body).json()["accepted"] == 50
    assert collector.books() == {
        "received": 52, "landed": 50, "duplicates": 0, "quarantined": 2, "spooled": 0
    }  # fmt: skip


def wait_until_gone(collector: Running) -> None:
    """Until Postgres has ended what the killed collector had asked for."""
    deadline = time.monotonic() + 30
    while collector.rows(
        "select 1 as one from pg_stat_activity where application_name like 'collector %%'"
        " and datname = current_database()"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _post_to_the_dying(url: str, body: dict) -> None:
    with contextlib.suppress(httpx.TransportError):
        httpx.post(url + "/v1/batch", json=body, auth=("demo-app", ""))


def test_kill_9_while_the_spool_drains_counts_no_call_twice(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    refuse(url)
    moments = random.Random(4)
    with running(url) as collector:
        embedded.stop(own_server)
        for name in "abcdefgh":
            answer = collector.post("/v1/batch", batch(name, good=20, refused=2))
            assert answer.json()["accepted"] == 22  # nobody can know yet
        collector.stop(signal.SIGKILL)
    embedded.start(own_server)
    kills = 0
    for _ in range(4):
        with running(url) as collector:
            time.sleep(moments.uniform(0.0, 0.3))
            kills += bool(collector.spooled())
            collector.stop(signal.SIGKILL)
    assert kills, "it was never killed while draining"
    with running(url) as collector:
        collector.wait_until_drained()
        assert collector.books() == {
            "received": 176, "landed": 160, "duplicates": 0, "quarantined": 16, "spooled": 0
        }  # fmt: skip
        assert count(collector, "raw_segment.events") == 160
        assert count(collector, "raw_segment.quarantine") == 16


def test_a_connection_lost_while_a_refused_group_is_halved_counts_no_call_twice(
    start, warehouse: str
):
    refuse(warehouse)
    collector: Running = start()
    body = batch("a", good=200, refused=8)
    answers: list[httpx.Response] = []
    sender = threading.Thread(target=lambda: answers.append(collector.post("/v1/batch", body)))
    sender.start()
    ended = 0
    with psycopg.connect(warehouse, autocommit=True) as admin:
        while sender.is_alive() and ended < 3:
            time.sleep(0.05)
            ended += len(
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where state <> 'idle'"
                    " and application_name like 'collector %' and datname = current_database()"
                ).fetchall()
            )
    sender.join()
    assert ended, "it was never interrupted"
    assert answers[0].status_code == 200
    collector.wait_until_drained()
    assert collector.books() == {
        "received": 208, "landed": 200, "duplicates": 0, "quarantined": 8, "spooled": 0
    }  # fmt: skip


def test_a_token_lands_once_also_when_two_land_it_at_the_same_time(warehouse: str):
    rows = [Row(n, b"m-%d" % n, b"track", b'{"type":"track"}') for n in range(500)]
    parcels = [Parcel("s", rows, [], datetime.now(UTC))]
    token = landing.new_token()

    async def land() -> list[Outcome]:
        async with await psycopg.AsyncConnection.connect(warehouse, autocommit=True) as connection:
            landing.prepare(connection)
            return await landing.land(connection, parcels, token)

    async def land_thrice() -> list[list[Outcome]]:
        return [*await asyncio.gather(land(), land()), await land()]

    assert asyncio.run(land_thrice()) == [[Outcome(500, 0, [])]] * 3
    with psycopg.connect(warehouse) as connection:
        books = connection.execute("select received, landed, duplicates from raw_segment.intake")
        assert books.fetchall() == [(500, 500, 0)]


# One id with two payloads: the first stands, the difference is counted


def differing(collector: Running) -> dict[str, int]:
    """By source, where there is any; never more than the duplicates."""
    found = collector.rows(
        "select source, sum(differing)::int as n, sum(duplicates)::int as duplicates"
        " from raw_segment.intake group by 1 having sum(differing) > 0"
    )
    assert all(each["n"] <= each["duplicates"] for each in found)
    return {each["source"]: each["n"] for each in found}


def test_an_id_that_comes_with_another_payload_is_counted_for_its_source(collector: Running):
    first = [call(f"m-{n}", properties={"n": n, "m": [1.0]}) for n in range(10)]
    collector.post("/v1/batch", {"batch": first, "sentAt": "2026-01-01T00:00:00Z"})
    # The same again, written otherwise and sent at another time, is no difference.
    again = [dict(reversed(each.items())) for each in first]
    collector.post("/v1/batch", {"batch": again, "sentAt": "2026-01-01T00:00:09Z"})
    assert differing(collector) == {}
    other = [*first[:4], call("new"), *(call(f"m-{n}", properties={}) for n in range(4, 7))]
    collector.post("/v1/batch", {"batch": other}, key="demo-planhat")
    assert differing(collector) == {"demo-planhat": 3}
    stored = {each["message_id"]: each["payload"] for each in collector.events()}
    assert stored["m-5"]["properties"] == {"n": 5, "m": [1.0]}
    assert collector.books()["duplicates"] == 17


def test_two_payloads_in_one_batch_differ_too(collector: Running):
    calls = [call("m", event="first"), call("n"), call("n"), call("m", event="second")]
    answer = collector.post("/v1/batch", {"batch": calls}).json()
    assert (answer["accepted"], answer["duplicates"]) == (2, 2)
    assert differing(collector) == {"demo-app": 1}


def test_two_payloads_at_the_same_time_at_two_collectors_differ_too(start):
    collectors: list[Running] = [start(), start()]
    batches = [
        {"batch": [call(f"m-{n}", event=each.url) for n in range(1_000)]} for each in collectors
    ]

    def send(number: int) -> None:
        with httpx.Client(auth=("demo-app", ""), timeout=60) as client:
            answer = client.post(collectors[number].url + "/v1/batch", json=batches[number])
            assert answer.status_code == 200

    senders = [threading.Thread(target=send, args=[number]) for number in (0, 1)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert differing(collectors[0]) == {"demo-app": 1_000}
    assert collectors[0].books()["landed"] == 1_000
