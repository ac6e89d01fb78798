"""What strangers can make a worker keep, whatever they send, is bounded; others are served."""

import gzip
import json
import select
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.include.collector.conftest import Running

CALL = {"userId": "u", "event": "E"}
CONNECTIONS = 400
# As much as a connection tries to leave with us.
MEGABYTE = 1024 * 1024
POST = b"POST /v1/track HTTP/1.1\r\nHost: c\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WEBHOOK = b"POST /webhook HTTP/1.1\r\nHost: c\r\nContent-Length: 30000000\r\n"
FULL = json.dumps({**CALL, "writeKey": "nobody", "properties": {"t": "x" * 500_000}}).encode()
BOMB = gzip.compress(FULL[:-10] + b'"}}', 9)
PUBLIC = b"Authorization: Bearer demo-app\r\n"

# What each connection begins with, and then repeats.
ATTACKS = {
    "a header without an end": (POST + b"X: ", b"y" * 16_384),
    "a name without an end": (POST, b"y" * 16_384),
    "headers without an end": (POST, b"a:b\r\n" * 4_000),
    "an address without an end": (b"GET /", b"y" * 16_384),
    "lines before a head": (b"", b"\r\n" * 8_192),
    "requests without waiting": (b"", b"GET /health HTTP/1.1\r\n\r\n" * 1_000),
    "heads without waiting": (b"", (POST + b"a:b\r\n" * 90 + b"Content-Length: 0\r\n\r\n") * 50),
    "answers that nobody reads": (b"", b"GET /openapi.json HTTP/1.1\r\n\r\n"),
    "a body without a key": (POST + b"Content-Length: 500000\r\n\r\n{", b"x" * 16_384),
    "a body in pieces without a key": (CHUNKED, b"4000\r\n" + b"x" * 16_384 + b"\r\n"),
    "a chunk's extension": (CHUNKED + b"1;", b"y" * 16_384),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"a:b\r\n" * 4_000),
    "a webhook's body without a key": (WEBHOOK + b"\r\n[", b"x" * 16_384),
    "a webhook's body with a public key": (WEBHOOK + PUBLIC + b"\r\n[", b"x" * 16_384),
    "whole bodies with an unknown key": (
        b"", POST + b"Content-Length: %d\r\n\r\n" % len(FULL) + FULL,
    ),
    "compressed ones": (
        b"",
        POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    ),
}  # fmt: skip


def attack(collector: Running, begin: bytes, again: bytes) -> None:
    """Many connections at once send as much as is taken from them; honest calls come between."""
    host, port = collector.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        chosen = stack.enter_context(selectors.DefaultSelector())
        for _ in range(CONNECTIONS):
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            client.setblocking(False)
            chosen.register(client, selectors.EVENT_WRITE, [MEGABYTE, begin])
        idle = 0
        until = time.monotonic() + 3
        while chosen.get_map() and idle < 5 and time.monotonic() < until:
            ready = chosen.select(0.1)
            idle = 0 if ready else idle + 1
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                if not send_some(key.fileobj, key.data, again):
                    chosen.unregister(key.fileobj)
        assert collector.post("/v1/track", CALL).status_code == 200


def send_some(client: socket.socket, state: list, again: bytes) -> bool:
    """Send what can be sent now; whether this connection has more."""
    left, rest = state
    rest = rest or again
    try:
        sent = client.send(rest)
    except BlockingIOError:
        return True
    except OSError:  # it was ended
        return False
    state[:] = [left - sent, rest[sent:]]
    return left > sent


def memory(collector: Running) -> int:
    """The most that the worker has ever held, in MB."""
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def test_four_hundred_hostile_connections_leave_a_worker_under_300_mb(start):
    """Also without a bound on connections, as it is behind a proxy."""
    collector: Running = start(COLLECTOR_ADDRESS_CONNECTIONS="0")
    assert collector.post("/v1/track", CALL).status_code == 200
    grown = {}
    for name, (begin, again) in ATTACKS.items():
        before = memory(collector)
        attack(collector, begin, again)
        grown[name] = memory(collector) - before
        assert memory(collector) < 300, (name, grown)
    # Nothing of it stays: it is not taken for what honest calls need.
    for n in range(20):
        assert collector.post("/v1/track", {**CALL, "messageId": f"after-{n}"}).status_code == 200
    text = collector.get("/metrics").text
    for reason in ("head", "pipelined"):
        assert f'collector_connections_ended_total{{reason="{reason}"}}' in text
    assert collector.get("/health").json()["status"] == "ready"


@pytest.fixture
def connect(collector: Running) -> Iterator:
    host, port = collector.url.removeprefix("http://").split(":")
    with ExitStack() as stack:

        def one(sent: bytes) -> socket.socket:
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            client.sendall(sent)
            return client

        yield one


def answer(client: socket.socket) -> bytes:
    parts = []
    while True:
        try:
            part = client.recv(65_536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "head",
    [
        POST + b"X: " + b"y" * 33_000 + b"\r\nContent-Length: 0\r\n\r\n",
        POST + b"".join(b"x-%d: y\r\n" % n for n in range(101)) + b"\r\n",
        b"GET /" + b"y" * 33_000 + b" HTTP/1.1\r\n\r\n",
        POST + b"X: " + b"y" * 70_000,
    ],
    ids=["one long header", "101 headers", "a long address", "no end"],
)
def test_a_head_beyond_the_bound_is_refused_with_a_line(connect, head: bytes):
    said = answer(connect(head))
    assert said.startswith(b"HTTP/1.1 431 Request Header Fields Too Large")
    assert b"32768 bytes and 100 headers" in said


def test_a_head_within_the_bound_is_read_however_it_arrives(connect, collector: Running):
    body = json.dumps(CALL).encode()
    head = POST + PUBLIC + b"X: " + b"y" * 31_000 + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    whole = (head + body) * 3
    for size in (1_000, 16_384, len(whole)):
        client = connect(b"")
        for start in range(0, len(whole), size):
            client.sendall(whole[start : start + size])
        said = b""
        while said.count(b'"success":true') < 3:
            part = client.recv(65_536)
            assert part, said
            said += part
    assert collector.books()["received"] == 9


def test_a_large_body_behind_another_is_no_head(connect, collector: Running):
    """A request of 400 KB, and the next one's head in the same breath."""
    call = {**CALL, "type": "track", "properties": {"t": "x" * 20_000}}
    body = json.dumps({"batch": [{**call, "messageId": f"m-{n}"} for n in range(20)]}).encode()
    head = b"POST /v1/b HTTP/1.1\r\nHost: c\r\n" + PUBLIC
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    client = connect(head + body + head + body)
    said = b""
    while said.count(b'"success":true') < 2:
        part = client.recv(65_536)
        assert part, said
        said += part
    assert collector.books() == {
        "received": 40, "landed": 20, "duplicates": 20, "quarantined": 0, "spooled": 0
    }  # fmt: skip


def test_more_requests_than_a_few_without_waiting_for_answers_end_the_connection(connect):
    said = answer(connect(b"GET /health HTTP/1.1\r\nHost: c\r\n\r\n" * 50))
    assert b"too_many_at_once" in said


def test_an_address_with_too_many_connections_loses_those_that_say_nothing(start):
    """Not those that are being used, and nobody else's."""
    collector: Running = start(COLLECTOR_ADDRESS_CONNECTIONS="10")
    host, port = collector.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        stuck = []
        for _ in range(30):
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            client.sendall(POST)
            stuck.append(client)
        # An honest one of the same address, and one of another, beside those.
        assert collector.post("/v1/track", CALL).status_code == 200
        other = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=other) as client:
            for n in range(5):
                call = {**CALL, "messageId": f"m-{n}", "writeKey": "demo-app"}
                assert client.post(collector.url + "/v1/track", json=call).status_code == 200
        ended, _, _ = select.select(stuck, [], [], 20)
        assert len(ended) >= len(stuck) - 10
        assert {answer(each)[:28] for each in ended} <= {b"", b"HTTP/1.1 503 Service Unavail"}
    assert 'reason="address"' in collector.get("/metrics").text


def test_without_a_key_in_the_head_a_webhooks_body_is_not_waited_for(connect):
    client = connect(WEBHOOK + b"\r\n[" + b" " * 1_000)
    assert client.recv(65_536).startswith(b"HTTP/1.1 401 ")
