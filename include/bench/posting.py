"""A client that posts faster than any server here answers, over kept-alive connections.

It is small on purpose: client and server share the machine, and what the client costs is missing
from the server.
"""

import asyncio
import base64
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop


@dataclass(frozen=True)
class Speed:
    """One measurement: what was done, seconds, and the requests' latencies in seconds."""

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


def post(
    host: str,
    path: str,
    key: str,
    bodies: list[bytes],
    *,
    calls_each: int,
    connections: int,
    rate: float | None = None,
) -> Speed:
    """Post each body once. `host` is a URL with its port.

    `rate` (calls a second) sends on a schedule, and latency counts from the scheduled time, so
    that a stall is seen in full; without it each connection sends as soon as it has an answer.
    Raises `RuntimeError` when an answer is not 200.
    """
    place = urlsplit(host)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Basic {base64.b64encode(f'{key}:'.encode()).decode()}\r\n"
    ).encode()
    requests = [head + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]
    every = calls_each / rate if rate else None
    run = _Run(requests, every)
    host, port = place.hostname or "", place.port or 80
    seconds = uvloop.run(run.send(host, port, min(connections, len(requests))))
    return Speed(calls_each * len(bodies), seconds, run.latencies)


class _Run:
    """The requests that are left, and what is known of those that were sent."""

    def __init__(self, requests: list[bytes], every: float | None):
        self.queue: Iterator[tuple[int, bytes]] = iter(enumerate(requests))
        self.every = every
        self.began = 0.0
        self.latencies: list[float] = []
        self._left = 0
        self._done: asyncio.Future[None]

    async def send(self, host: str, port: int, connections: int) -> float:
        """Send all of them; the seconds it took."""
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        self._left = connections
        clients = []
        for _ in range(connections):
            _, client = await loop.create_connection(lambda: _Connection(self), host, port)
            clients.append(client)
        self.began = time.perf_counter()
        for client in clients:
            client.send_next()
        await self._done
        return time.perf_counter() - self.began

    def leave(self, problem: str | None = None) -> None:
        """A connection has nothing left to send, or broke."""
        self._left -= 1
        if problem is not None and not self._done.done():
            self._done.set_exception(RuntimeError(problem))
        elif self._left == 0 and not self._done.done():
            self._done.set_result(None)


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, sends the next."""

    def __init__(self, run: _Run):
        self._run = run
        self._due = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        # uvloop's own transport is one in all but its class.
        self._transport = cast(asyncio.Transport, transport)

    def send_next(self) -> None:
        """Send the next request now or when it is due; leave when there is none."""
        number, request = next(self._run.queue, (-1, b""))
        now = time.perf_counter()
        if number < 0:
            self._run.leave()
            return
        self._due = now
        if self._run.every is not None:
            self._due = self._run.began + number * self._run.every
            if self._due > now:
                loop = asyncio.get_running_loop()
                loop.call_later(self._due - now, self._transport.write, request)
                return
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """A part of an answer, nearly always the whole of it."""
        answer = self._answer = self._answer + data if self._answer else data
        end = answer.find(b"\r\n\r\n")
        if end < 0:
            return
        place = answer.find(b"content-length: ") + 16
        length = int(answer[place : answer.index(b"\r\n", place)])
        if len(answer) < end + 4 + length:
            return
        if not answer.startswith(b"HTTP/1.1 200"):
            self._run.leave(answer[:200].decode("latin-1"))
            return
        self._answer = b""
        self._run.latencies.append(time.perf_counter() - self._due)
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        """The server hung up; harmless when all is done."""
        if error is not None:
            self._run.leave(f"the connection was lost: {error}")
