"""How fast the collector lands calls, beside the bare database on the same machine.

Client, collector and Postgres share the machine, as they do in production's smallest form. The
ceiling is measured between the rounds (COPY → temporary table → insert on conflict, 5,000 calls a
transaction, one connection), so that what else happens on the machine hits both.
"""

import asyncio
import base64
import json
import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg

from include.collector.sources import add_key, add_source
from include.warehouse.connection import connect

Say = Callable[[str], None]


@dataclass(frozen=True)
class Speed:
    """One measurement: calls landed, seconds, and the requests' latencies in seconds."""

    calls: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    def latency(self, percent: int) -> float:
        """A percentile of the latencies, in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1000


def land_batches(
    url: str, host: str, key: str, *, requests: int, size: int = 100, connections: int = 8,
    rate: float | None = None,
) -> Speed:  # fmt: skip
    """Post `requests` batches of `size` new calls over kept-alive connections.

    `rate` (calls a second) sends on a schedule, and latency counts from the scheduled time, so
    that a stall is seen in full; without it as fast as the answers come. Raises when an answer is
    not 200 or the table did not gain every call.
    """
    bodies = [_batch(size) for _ in range(requests)]
    return _measure(url, host, "/v1/batch", key, bodies, size, connections, rate)


def land_singles(
    url: str, host: str, key: str, *, requests: int, connections: int = 64,
    rate: float | None = None,
) -> Speed:  # fmt: skip
    """The same with one call a request."""
    bodies = [json.dumps(_call()).encode() for _ in range(requests)]
    return _measure(url, host, "/v1/track", key, bodies, 1, connections, rate)


def ceiling(url: str, *, calls: int, batch: int = 5_000) -> Speed:
    """COPY into a temporary table, then insert on conflict: one connection, no HTTP, no checks."""
    rows = [(call["messageId"], json.dumps(call)) for call in (_call() for _ in range(calls))]
    latencies = []
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute("create temporary table incoming (message_id text, payload jsonb)")
        began = time.perf_counter()
        for start in range(0, calls, batch):
            at = time.perf_counter()
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
            latencies.append(time.perf_counter() - at)
        seconds = time.perf_counter() - began
    return Speed(calls, seconds, latencies)


def bench_source(url: str) -> str:
    """A source `bench` and a new key for it."""
    add_source(url, "bench")
    return add_key(url, "bench")


def _call() -> dict:
    user = str(uuid.uuid4())
    return {
        "type": "track",
        "messageId": str(uuid.uuid4()),
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


def _measure(
    url: str, host: str, path: str, key: str, bodies: list[bytes], size: int, connections: int,
    rate: float | None,
) -> Speed:  # fmt: skip
    before = _count(url)
    place = urlsplit(host)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Basic {base64.b64encode(f'{key}:'.encode()).decode()}\r\n"
    ).encode()
    requests = [head + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]
    every = size / rate if rate else None
    assert place.hostname and place.port
    seconds, latencies = asyncio.run(
        _send(place.hostname, place.port, requests, connections, every)
    )
    landed = _count(url) - before
    if landed != size * len(bodies):
        raise AssertionError(f"{size * len(bodies)} calls were answered, {landed} landed")
    return Speed(landed, seconds, latencies)


async def _send(
    host: str, port: int, requests: list[bytes], connections: int, every: float | None
) -> tuple[float, list[float]]:
    latencies: list[float] = []
    queue = iter(enumerate(requests))
    began = time.perf_counter()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for number, request in queue:
            due = time.perf_counter()
            if every is not None:
                due = began + number * every
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head.decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return time.perf_counter() - began, latencies


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("select count(*) from raw_segment.events").fetchone()
        return found[0] if found else 0
