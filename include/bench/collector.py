"""How fast the collector lands calls, beside the bare database and a bare web server.

Client, collector and Postgres share the machine, as they do in production's smallest form. The
ceiling is measured between the rounds (COPY → temporary table → insert on conflict, 5,000 calls a
transaction, one connection), so that what else happens on the machine hits both; figures are
medians of the rounds, and ratios are of neighbours. Calls are durable, checked and deduplicated.
"""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psutil
import psycopg

from include.bench.posting import Speed, post
from include.bench.rows import Row
from include.collector.sources import add_key, add_source
from include.errors import ProblemError, ServiceError
from include.privacy import field_rules
from include.privacy.field_rules import Rule
from include.settings import ROOT
from include.warehouse.connection import connect
from include.warehouse.migrate import migrate

Say = Callable[[str], None]

DATABASE = "collector_bench"
# Processes of the collector, as the settings have it; one is measured beside.
WORKERS = 2
# How much is measured: rounds, requests of a round, seconds at a given rate.
ROUNDS = 5
BATCHES = 500
SINGLES = 20_000
SECONDS = 10
MILLION = 1_000_000
# The long load of the large size: seconds, and calls a second.
LOAD_SECONDS = 600
LOAD_RATE = 20_000
# What a million rows of the size of these calls take: 0.58 were measured, index included.
GB_A_MILLION = 0.7

_FILL = """
insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)
select
    id, 'bench', 'track', now(),
    jsonb_build_object(
        'type', 'track', 'messageId', id, 'userId', 'user-' || left(id, 5), 'anonymousId', id,
        'event', 'Report Viewed', 'timestamp', '2026-01-01T00:00:00.000Z',
        'sentAt', '2026-01-01T00:00:01.000Z', 'integrations', '{}'::jsonb,
        'properties', jsonb_build_object(
            'company_id', 'company-' || left(id, 2), 'report', 'weekly', 'rows', 120
        ),
        'context', jsonb_build_object(
            'library', jsonb_build_object('name', 'bench', 'version', '1'), 'ip', '127.0.0.1'
        )
    ),
    0
from (select gen_random_uuid()::text as id from generate_series(1, %s)) as made
"""

# The smallest application of the server that the collector runs on: what HTTP costs alone.
_ECHO = """
import socket, sys, uvicorn
async def echo(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    message = await receive()
    body = message["body"]
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
listener = socket.create_server(("127.0.0.1", 0))
print("listens on http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
configuration = uvicorn.Config(echo, loop="uvloop", http="httptools", lifespan="off", ws="none",
    access_log=False, log_level="error", proxy_headers=False, server_header=False)
uvicorn.Server(configuration).run(sockets=[listener])
"""


# Field rules whose members no call of the bench has, beside others in the same objects.
_UNMET = [
    Rule("path", "drop", f"{part}.{name}")
    for part, names in {
        "traits": ("phone", "ssn", "birthday", "address", "notes"),
        "properties": (
            "card", "phone", "iban", "password", "token", "comment", "note", "search", "*.email",
        ),
        "context": ("device.id", "device.advertisingId", "traits.phone", "traits.address", "geo"),
    }.items()
    for name in names
]  # fmt: skip

# Seconds after which every worker knows of a rule.
KNOWN_AFTER = 6


@dataclass(frozen=True)
class _Bench:
    """A collector in front of a database of its own."""

    url: str
    host: str
    key: str
    pid: int
    echo: str
    say: Say


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure the collector on the server of `url`, in a database of its own that is dropped after.

    `size` small: a table of up to 1 M calls, about three minutes; full: 10 M, and 50 M where the
    disk allows. Raises `ProblemError` when the disk is too small for it, `ServiceError` when
    Postgres does not answer.
    """
    sizes = _sizes(url, size, say)
    with _database(url) as own, _collector(own, WORKERS, say) as bench:
        rows = _batches(bench, "an empty table")
        with _collector(own, 1, say) as alone:
            rows += _batches(alone, "the same with one worker")
        rows += _singles(bench)
        rows += _latencies(bench)
        before = _memory(bench.pid)
        for millions in sizes:
            _fill(bench, millions * MILLION)
            rows += _batches(bench, f"{millions} M rows")
        rows.append(_duplicates(bench))
        rows += _ruled(bench)
        if size == "full":
            rows.append(_long_load(bench))
        rows.append(Row("memory of the collector", f"{_memory(bench.pid):.0f} MB",
                        f"{before:.0f} MB before", None))  # fmt: skip
    return rows


# The measurements


def land_batches(
    url: str, host: str, key: str, *, requests: int, size: int = 100, connections: int = 8,
    rate: float | None = None,
) -> Speed:  # fmt: skip
    """Post `requests` batches of `size` new calls; `rate` as in `post`.

    Raises `RuntimeError` when an answer is not 200 or the table did not gain every call.
    """
    bodies = [_batch(size) for _ in range(requests)]
    return _landed(url, host, "/v1/batch", key, bodies, size, connections, rate)


def land_singles(
    url: str, host: str, key: str, *, requests: int, connections: int = 64,
    rate: float | None = None,
) -> Speed:  # fmt: skip
    """The same with one call a request."""
    bodies = [json.dumps(_call()).encode() for _ in range(requests)]
    return _landed(url, host, "/v1/track", key, bodies, 1, connections, rate)


def ceiling(url: str, *, calls: int, batch: int = 5_000) -> Speed:
    """COPY into a temporary table, then insert on conflict: one connection, no HTTP, no checks."""
    rows = [(call["messageId"], json.dumps(call)) for call in (_call() for _ in range(calls))]
    latencies = []
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute("create temporary table incoming (message_id text, payload jsonb)")
        began = perf_counter()
        for start in range(0, calls, batch):
            at = perf_counter()
            with connection.transaction():
                with connection.cursor().copy("copy incoming from stdin") as copy:
                    for row in rows[start : start + batch]:
                        copy.write_row(row)
                connection.execute(
                    "insert into raw_segment.events "
                    "(message_id, source, type, received_at, payload, load_id) "
                    "select message_id, 'bench', 'track', now(), payload, 0 from incoming "
                    "on conflict do nothing"
                )
                connection.execute("truncate incoming")
            latencies.append(perf_counter() - at)
        seconds = perf_counter() - began
    return Speed(calls, seconds, latencies)


def _batches(bench: _Bench, where: str) -> list[Row]:
    """Rounds of both, one after the other; the first round warms up and counts for nothing."""
    rounds = []
    for number in range(ROUNDS + 1):
        beside = ceiling(bench.url, calls=100 * BATCHES)
        speed = land_batches(bench.url, bench.host, bench.key, requests=BATCHES)
        if number:
            rounds.append((speed.rate, beside.rate))
            bench.say(f"{where}: {speed.rate:,.0f} events/s beside {beside.rate:,.0f}")
    name = f"landing, 100-event batches, {where}"
    return [_row(name, "events/s", "COPY, temp, insert", rounds)]


def _singles(bench: _Bench) -> list[Row]:
    rounds = []
    for number in range(ROUNDS + 1):
        bodies = [json.dumps(_call()).encode() for _ in range(SINGLES)]
        beside = post(bench.echo, "/v1/track", "key", bodies, calls_each=1, connections=64)
        speed = land_singles(bench.url, bench.host, bench.key, requests=SINGLES)
        if number:
            rounds.append((speed.rate, beside.rate))
            bench.say(f"singles: {speed.rate:,.0f} requests/s beside {beside.rate:,.0f}")
    return [_row("landing, one event a request", "requests/s", "bare ASGI echo", rounds)]


def _latencies(bench: _Bench) -> list[Row]:
    # first with all that the rounds at full speed left to be written; then once that is on the disk
    # and the rate has run for as long as is measured
    name = "latency at 30,000 events/s in batches of 100"
    rows = [_latency_row(f"{name}, straight after full speed", _steadily(bench), None)]
    _settle(bench)
    _steadily(bench)
    rows.append(_latency_row(name, _steadily(bench), None))
    _settle(bench)
    bodies = [json.dumps(_call()).encode() for _ in range(SECONDS * 3_000)]
    echo = post(
        bench.echo, "/v1/track", "key", bodies, calls_each=1, connections=64, rate=3_000
    )  # fmt: skip
    singles = land_singles(bench.url, bench.host, bench.key, requests=SECONDS * 3_000, rate=3_000)
    rows.append(_latency_row("latency at 3,000 requests/s", singles, echo))
    rows += _disk(bench.url)
    for row in rows:
        bench.say(f"{row.name}: {row.figure}")
    return rows


def _steadily(bench: _Bench) -> Speed:
    return land_batches(bench.url, bench.host, bench.key, requests=SECONDS * 300, rate=30_000)


def _settle(bench: _Bench) -> None:
    """Have what was landed written to the disk, by Postgres and by the system."""
    with connect(bench.url, application_name="bench", autocommit=True) as connection:
        try:
            connection.execute("checkpoint")
        except psycopg.errors.InsufficientPrivilege:
            bench.say("no checkpoint before the latencies: the role lacks pg_checkpoint")
    os.sync()


def _long_load(bench: _Bench) -> Row:
    """A steady rate for minutes: whether the end of it is like its beginning."""
    speeds = []
    before = _memory(bench.pid)
    # in parts, so that the client's memory is flat too
    parts = max(2, LOAD_SECONDS // SECONDS)
    for number in range(parts):
        speed = land_batches(
            bench.url, bench.host, bench.key,
            requests=SECONDS * LOAD_RATE // 100, rate=LOAD_RATE,
        )  # fmt: skip
        speeds.append(speed)
        if number % 6 == 0:
            bench.say(f"load, part {number + 1} of {parts}: p99 {speed.latency(99):.1f} ms")
    tenth = max(1, parts // 10)
    first, last = (_together(each) for each in (speeds[:tenth], speeds[-tenth:]))
    return Row(
        f"{parts * SECONDS / 60:.0f} minutes at {LOAD_RATE:,} events/s: p99 of the last tenth",
        f"{last.latency(99):.1f} ms",
        f"{first.latency(99):.1f} ms (the first); "
        f"memory {before:.0f} MB before, {_memory(bench.pid):.0f} MB after",
        round(last.latency(99) / first.latency(99), 2),
    )


def _together(speeds: list[Speed]) -> Speed:
    return Speed(
        sum(each.calls for each in speeds),
        sum(each.seconds for each in speeds),
        [latency for each in speeds for latency in each.latencies],
    )


def _disk(url: str) -> list[Row]:
    """What a commit waits for at least; nothing where the disk of the server is another one."""
    with connect(url, application_name="bench") as connection:
        folder = connection.execute("show data_directory").fetchone()[0]  # type: ignore[index]
    if not os.access(folder, os.W_OK):
        return []
    waits = flushes(Path(folder).parent, count=SECONDS * 300, a_second=300)
    speed = Speed(len(waits), SECONDS, waits)
    return [_latency_row("the disk alone: 16 KB and fdatasync, 300 a second", speed, None)]


def flushes(folder: Path, *, count: int, a_second: float) -> list[float]:
    """Seconds that each of `count` flushes to the disk of `folder` takes.

    They overwrite a file that has its size already, as Postgres does with its write-ahead log.
    """
    waits = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(16 * 1024 * 1024))
        os.fsync(file.fileno())
        began = perf_counter()
        for number in range(count):
            sleep(max(0.0, began + number / a_second - perf_counter()))
            os.pwrite(file.fileno(), bytes([number % 256]) * 16_384, number % 1_024 * 16_384)
            at = perf_counter()
            os.fdatasync(file.fileno())
            waits.append(perf_counter() - at)
    return waits


def _duplicates(bench: _Bench) -> Row:
    """What a batch costs that is there already, beside the same batch when it was new."""
    rounds = []
    for _ in range(ROUNDS):
        bodies = [_batch(100) for _ in range(BATCHES)]
        speeds = [
            post(bench.host, "/v1/batch", bench.key, bodies, calls_each=100, connections=8).rate
            for _ in range(2)
        ]
        rounds.append((speeds[1], speeds[0]))
    return _row("batches sent again", "events/s", "when new", rounds)


def _ruled(bench: _Bench) -> list[Row]:
    """What field rules cost: two sources with twenty of them beside one without, by turns."""
    beside = {
        "of which none touches a call": [*_UNMET, Rule("path", "drop", "context.location")],
        "of which one drops every call's address": [*_UNMET, Rule("ip", "drop")],
    }
    keys = {}
    for number, (which, rules) in enumerate(beside.items()):
        source = f"bench-ruled-{number}"
        add_source(bench.url, source)
        keys[which] = add_key(bench.url, source)
        for rule in rules:
            field_rules.add(bench.url, msgspec.structs.replace(rule, source=source), by="bench")
    sleep(KNOWN_AFTER)
    rounds: dict[str, list[tuple[float, float]]] = {which: [] for which in beside}
    for number in range(ROUNDS + 1):
        plain = land_batches(bench.url, bench.host, bench.key, requests=BATCHES)
        for which, key in keys.items():
            speed = land_batches(bench.url, bench.host, key, requests=BATCHES)
            if number:
                rounds[which].append((speed.rate, plain.rate))
                bench.say(f"20 rules: {speed.rate:,.0f} events/s beside {plain.rate:,.0f}")
    return [
        _row(f"20 field rules, {which}", "events/s", "without rules", found)
        for which, found in rounds.items()
    ]


def _landed(
    url: str, host: str, path: str, key: str, bodies: list[bytes], size: int, connections: int,
    rate: float | None,
) -> Speed:  # fmt: skip
    before = _in_books(url)
    speed = post(
        host, path, key, bodies, calls_each=size, connections=connections, rate=rate
    )  # fmt: skip
    landed = _in_books(url) - before
    if landed != speed.calls:
        raise RuntimeError(f"{speed.calls} calls were answered, {landed} landed")
    return speed


def _in_books(url: str) -> int:
    with connect(url, application_name="bench") as connection:
        found = connection.execute("select coalesce(sum(landed), 0) from raw_segment.intake")
        return int(found.fetchone()[0])  # type: ignore[index]


# The table


def _row(name: str, unit: str, beside: str, rounds: list[tuple[float, float]]) -> Row:
    figure, other, ratio = (
        statistics.median(values)
        for values in zip(*((a, b, a / b) for a, b in rounds), strict=True)
    )
    return Row(name, f"{figure:,.0f} {unit}", f"{other:,.0f} ({beside})", round(ratio, 2))


def _latency_row(name: str, speed: Speed, beside: Speed | None) -> Row:
    def said(each: Speed) -> str:
        return f"p50 {each.latency(50):.1f} ms, p99 {each.latency(99):.1f} ms"

    ratio = round(speed.latency(99) / beside.latency(99), 1) if beside else None
    return Row(name, said(speed), f"{said(beside)} (bare ASGI echo)" if beside else "", ratio)


def _memory(pid: int) -> float:
    """Megabytes of a process and its workers that are in memory now; shared ones count for each."""
    process = psutil.Process(pid)
    together = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in together) / 1024**2


# What is measured


@contextmanager
def _database(url: str) -> Iterator[str]:
    own = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    with connect(url, application_name="bench", autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")
        admin.execute(f"create database {DATABASE}")
        try:
            migrate(own, say=lambda line: None)
            yield own
        finally:
            admin.execute(f"drop database if exists {DATABASE} with (force)")


@contextmanager
def _collector(url: str, workers: int, say: Say) -> Iterator[_Bench]:
    source = f"bench-{workers}"
    add_source(url, source)
    key = add_key(url, source)
    with tempfile.TemporaryDirectory() as folder:
        known = {"DATA_DIR": folder, "AIRFLOW_CONN_WAREHOUSE": url}
        arguments = ["-m", "include.collector", "--host", "127.0.0.1", "--port", "0"]
        arguments += ["--workers", str(workers)]
        with (
            _served(arguments, known) as (host, pid),
            _served(["-c", _ECHO], {}) as (echo, _),
        ):
            yield _Bench(url, host, key, pid, echo, say)


@contextmanager
def _served(arguments: list[str], environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """A server in a process of its own that says where it listens."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        for line in process.stdout:
            if found := re.search(r"listens on (http://\S+)", line):
                yield found[1], process.pid
                return
        raise ServiceError("The server to be measured did not start.")
    finally:
        process.terminate()
        process.wait()


def _sizes(url: str, size: str, say: Say) -> list[int]:
    """How many million rows to measure at."""
    if size != "full":
        return [1]
    with connect(url, application_name="bench") as connection:
        folder = connection.execute("show data_directory").fetchone()[0]  # type: ignore[index]
    if not os.path.isdir(folder):
        say("The disk of the server cannot be seen from here: 50 M rows are left out.")
        return [1, 10]
    free = shutil.disk_usage(folder).free / 1e9
    if free < 20 * GB_A_MILLION:
        raise ProblemError(f"10 M rows need 20 GB of disk and {free:.0f} GB are free in {folder}.")
    if free < 80 * GB_A_MILLION:
        say(f"50 M rows need 80 GB of disk and {free:.0f} GB are free: left out.")
        return [1, 10]
    return [1, 10, 50]


def _fill(bench: _Bench, rows: int) -> None:
    """Have so many rows in the table, made by Postgres itself."""
    with connect(bench.url, application_name="bench", autocommit=True) as connection:
        found = connection.execute("select count(*) from raw_segment.events").fetchone()
        missing = rows - (found[0] if found else 0)
        began = perf_counter()
        for start in range(0, missing, 200_000):
            connection.execute(_FILL, [min(200_000, missing - start)])
        connection.execute("vacuum analyze raw_segment.events")
    bench.say(f"filled to {rows:,} rows in {perf_counter() - began:.0f} s")


def _call() -> dict:
    user = str(uuid.UUID(int=random.getrandbits(128)))
    return {
        "type": "track",
        "messageId": str(uuid.UUID(int=random.getrandbits(128))),
        "userId": f"user-{user[:5]}",
        "anonymousId": user,
        "event": "Report Viewed",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "properties": {"company_id": f"company-{user[:2]}", "report": "weekly", "rows": 120},
        "context": {"library": {"name": "bench", "version": "1"}, "ip": "127.0.0.1"},
        "integrations": {},
    }


def _batch(size: int) -> bytes:
    sent_at = "2026-01-01T00:00:01.000Z"
    return json.dumps({"batch": [_call() for _ in range(size)], "sentAt": sent_at}).encode()
