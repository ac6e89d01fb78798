"""How fast the push plans and delivers, beside the bare join and the library's own clients.

The other side is a process of its own on the same machine that reads each batch, counts its
messages by their ids' key and answers after the given round trip; it does not parse JSON, because
what is measured is the sender.
"""

import asyncio
import contextlib
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from include.bench.peak import peak_mb
from include.bench.rows import Row
from include.push.push import push
from include.push.sending import DeliveryOptions
from include.push.steps import deliver_model, finish_run, open_run, plan_run
from include.settings import SegmentConnection, Settings, load_settings
from include.warehouse.connection import connect

Say = Callable[[str], None]

# A connection more hides more of the round trip; beyond eight the sender's processor is full.
CONNECTIONS = 8

# Processes that share a model's parts, as Airflow's workers do. Python runs one thread of a
# process at a time.
WORKERS = 2

OBJECTS = 200_000
MANY_OBJECTS = 1_000_000
ROUND_TRIP = 0.05

COLUMNS = {
    "object_id": "text",
    "planhat_id": "text",
    "external_id": "text",
    "company_id": "text",
    "company_external_id": "text",
    "name": "text",
    "owner": "text",
    "phase": "text",
    "status": "text",
    "mrr": "numeric",
    "nrr_30": "numeric",
    "health": "numeric",
    "customer_from": "timestamptz",
    "renewal_date": "date",
    "is_live": "boolean",
    "tags": "jsonb",
    "custom": "jsonb",
}


@dataclass(frozen=True)
class PushFigures:
    """Objects a second of each part, and the peak of each process's memory in MB."""

    objects: int
    plan_all_new: float
    deliver: float
    diff_seconds: float
    bare_join_seconds: float
    peak_mb: float


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`, whose model `bench_company` it replaces.

    `size` full: also 1,000,000 objects. Raises `RuntimeError` when the other side did not get each
    object exactly once.
    """
    settings = load_settings({"AIRFLOW_CONN_WAREHOUSE": url})
    say(f"push: {OBJECTS:,} objects at {ROUND_TRIP * 1000:.0f} ms and at 0 ms")
    far, alone, near = (
        measure_push(url, settings, objects=OBJECTS, round_trip=round_trip, workers=workers)
        for round_trip, workers in ((ROUND_TRIP, WORKERS), (ROUND_TRIP, 1), (0, WORKERS))
    )
    rows = _diff_rows(far)
    rows.append(Row(f"peak memory, {OBJECTS:,} objects", f"{near.peak_mb:.0f} MB", "", None))
    if size == "full":
        # Before the library's client, which keeps all of its messages in memory.
        say(f"push: {MANY_OBJECTS:,} objects")
        many = measure_push(
            url, settings, objects=MANY_OBJECTS, round_trip=ROUND_TRIP, workers=WORKERS
        )
        rows += _diff_rows(many)
        rows.append(
            Row(
                f"peak memory, {MANY_OBJECTS:,} objects", f"{many.peak_mb:.0f} MB",
                f"{near.peak_mb:.0f} MB: {OBJECTS:,} objects", many.peak_mb / near.peak_mb,
            )
        )  # fmt: skip
    say("push: the library's own client, and one connection")
    for round_trip, named in (
        (ROUND_TRIP, {f"{WORKERS} workers": far, "1 worker": alone}),
        (0.0, {f"{WORKERS} workers": near}),
    ):
        beside = {
            "the library's client": measure_library_client(OBJECTS, round_trip=round_trip),
            "one connection of its batch sender": measure_one_connection(
                OBJECTS // 4, round_trip=round_trip
            ),
        }
        rows += [
            Row(
                f"push of {OBJECTS:,} objects, {round_trip * 1000:.0f} ms round trip, {workers}",
                f"{ours.deliver:,.0f}/s",
                f"{rate:,.0f}/s: {other}",
                ours.deliver / rate,
            )
            for workers, ours in named.items()
            for other, rate in beside.items()
        ]
    return rows


def _diff_rows(figures: PushFigures) -> list[Row]:
    return [
        Row(
            f"diff of {figures.objects:,} objects, nothing changed",
            f"{figures.diff_seconds:.2f} s",
            f"{figures.bare_join_seconds:.2f} s: the bare join",
            figures.diff_seconds / figures.bare_join_seconds,
        ),
        Row(
            f"plan of {figures.objects:,} objects, all new",
            f"{figures.plan_all_new:,.0f}/s",
            "",
            None,
        ),
    ]


def measure_push(
    url: str, settings: Settings, *, objects: int, round_trip: float, workers: int
) -> PushFigures:
    """Plan and deliver `objects` new companies to a Segment `round_trip` seconds away, then diff.

    Delivering counts from the first batch's mark to the last one's acknowledgement. Uses the model
    `bench_company` of the database at `url`, which it replaces. Raises when the other side did not
    get each object exactly once.
    """
    spawned = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as name,
        played_segment(round_trip) as (segment, counted),
        ProcessPoolExecutor(workers, mp_context=spawned) as pool,
    ):
        folder = Path(name)
        _describe(folder)
        _fill(url, objects)
        run_id = open_run(
            url, segment, trigger="command", requested_by="bench", owner=f"bench {segment.host}"
        )
        started = time.perf_counter()
        parts = plan_run(url, settings, run_id, say=_silent, folder=folder)
        planned = time.perf_counter()
        delivering = [pool.submit(_deliver, url, segment, run_id, part) for part in parts]
        delivered_mb = max(each.result() for each in delivering)
        report = finish_run(url, run_id, say=_silent)
        if report.status != "success" or counted() != objects:
            raise RuntimeError(f"{counted():,} of {objects:,} arrived: {report.reason}")
        bare = min(_bare_join(url, segment.destination) for _ in range(3))
        diff = min(_diff(url, segment, settings, folder) for _ in range(3))
    return PushFigures(
        objects,
        objects / (planned - started),
        objects / _delivering_seconds(url, run_id),
        diff,
        bare,
        max(delivered_mb, peak_mb()),
    )


def _deliver(url: str, segment: SegmentConnection, run_id: int, part: dict[str, Any]) -> float:
    """In a process of its own; the peak of its memory in MB."""
    options = DeliveryOptions(connections=CONNECTIONS, rate=None)
    deliver_model(url, segment, run_id, **part, say=_silent, options=options)
    return peak_mb()


def _delivering_seconds(url: str, run_id: int) -> float:
    with connect(url, application_name="bench", autocommit=True) as connection:
        row = connection.execute(
            "select extract(epoch from max(finished_at) - min(sent_at))::float8 "
            "from sync.batches where run_id = %s",
            [run_id],
        ).fetchone()
    return row[0]  # type: ignore[index]


def measure_library_client(objects: int, *, round_trip: float) -> float:
    """Objects a second through the library's own queueing client, one thread as it comes."""
    from segment.analytics.client import Client

    with played_segment(round_trip) as (segment, counted):
        client = Client(
            segment.write_key, host=segment.host, max_queue_size=objects, upload_size=500,
            sync_mode=False,
        )  # fmt: skip
        traits = _traits()
        started = time.perf_counter()
        for number in range(objects):
            client.group("planhat", f"c{number}", traits=dict(traits))
        client.flush()
        seconds = time.perf_counter() - started
        client.join()
        if counted() != objects:
            raise RuntimeError(f"{counted():,} of {objects:,} arrived")
    return objects / seconds


def measure_one_connection(objects: int, *, round_trip: float, batch: int = 700) -> float:
    """Objects a second of the library's batch sender alone, one batch after the other."""
    from segment.analytics.client import Client
    from segment.analytics.request import post

    batch = min(batch, objects)
    _, message = Client("key", send=False).group("planhat", "c1", traits=_traits())
    with played_segment(round_trip) as (segment, counted):
        started = time.perf_counter()
        for _ in range(objects // batch):
            post(segment.write_key, segment.host, batch=[message] * batch)
        seconds = time.perf_counter() - started
        sent = counted()
    return sent / seconds


@contextlib.contextmanager
def played_segment(
    round_trip: float,
) -> Iterator[tuple[SegmentConnection, Callable[[], int]]]:
    """A Segment in a process of its own; yields where it is and how many messages it has."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, round_trip), daemon=True
    )
    process.start()

    def counted() -> int:
        ours.send("count")
        return ours.recv()

    try:
        port = ours.recv()
        yield SegmentConnection(f"http://127.0.0.1:{port}", "bench"), counted
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, round_trip: float) -> None:
    """Keep-alive HTTP in as few steps as possible: the sender is what is measured."""
    messages = 0
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nContent-Type: application/json\r\n\r\n"
    answer += json.dumps({"success": True}).encode().ljust(17)

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal messages
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                messages += body.count(b'"messageId": ')
                await asyncio.sleep(round_trip)
                writer.write(answer)

    async def serve() -> None:
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0, limit=2**21)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    def answer_questions() -> None:
        while True:
            pipe.recv()
            pipe.send(messages)

    threading.Thread(target=answer_questions, daemon=True).start()
    asyncio.run(serve())


def _describe(folder: Path) -> None:
    columns = [{"name": name, "data_type": kind} for name, kind in COLUMNS.items()]
    meta = {"segment": {"call": "group", "removed_event": "Company Removed"}}
    described = {"name": "bench_company", "config": {"meta": meta}, "columns": columns}
    # JSON is YAML.
    (folder / "bench_company.yml").write_text(json.dumps({"models": [described]}))


def _fill(url: str, objects: int) -> None:
    listed = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute("create schema if not exists planhat")
        connection.execute("drop table if exists planhat.bench_company")
        connection.execute(f"create table planhat.bench_company ({listed})")
        connection.execute(
            """
            insert into planhat.bench_company
            select
                id, id, 'ext-' || n, id, 'ext-' || n, 'Company number ' || n, md5(n::text),
                'phase ' || n %% 5, 'customer', n * 1.25, 1.07, n %% 10,
                timestamptz '2024-01-01' + n * interval '1 minute', date '2026-01-01' + n %% 365,
                true, '["enterprise", "emea"]',
                jsonb_build_object('Tier', 'gold', 'Seats bought', n, 'Renewal Owner', md5(id))
            from generate_series(1, %s) as n
            cross join lateral (select left(md5(n::text), 24) as id) as ids
            """,
            [objects],
        )
        connection.execute("analyze planhat.bench_company")


def _traits() -> dict:
    return {
        "planhat_id": "0" * 24, "external_id": "ext-100000", "company_id": "0" * 24,
        "company_external_id": "ext-100000", "name": "Company number 100000", "owner": "0" * 32,
        "phase": "phase 1", "status": "customer", "mrr": 125000.0, "nrr_30": 1.07, "health": 5.0,
        "customer_from": "2024-01-01T00:00:00+00:00", "renewal_date": "2026-01-01",
        "is_live": True, "tags": ["enterprise", "emea"],
        "custom": {"Tier": "gold", "Seats bought": 100000, "Renewal Owner": "0" * 32},
    }  # fmt: skip


def _diff(url: str, segment: SegmentConnection, settings: Settings, folder: Path) -> float:
    started = time.perf_counter()
    report = push(
        url, segment, settings, dry_run=True, requested_by="bench", say=_silent, folder=folder
    )
    seconds = time.perf_counter() - started
    if report.total("planned"):
        raise RuntimeError("something changed while nothing did")
    return seconds


def _bare_join(url: str, destination: str) -> float:
    with connect(url, application_name="bench", autocommit=True) as connection:
        started = time.perf_counter()
        connection.execute(
            """
            select count(*)
            from planhat.bench_company as source
            full join (
                select object_id, payload from sync.objects
                where destination = %s and model = 'bench_company'
            ) as ledger on source.object_id = ledger.object_id
            where source.object_id is null or ledger.object_id is null
            """,
            [destination],
        )
        return time.perf_counter() - started


def _silent(line: str) -> None:
    """Measurements print figures only."""
