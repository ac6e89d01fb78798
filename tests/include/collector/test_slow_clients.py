"""Clients that are slow, or never finish, are answered or ended, and hold up nobody else."""

import base64
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.include.collector.conftest import Running

KEY = base64.b64encode(b"demo-app:").decode()
HEAD = (
    "POST /v1/track HTTP/1.1\r\nHost: collector\r\n"
    f"Authorization: Basic {KEY}\r\nContent-Length: 1000\r\n\r\n"
).encode()


@pytest.fixture
def connect(start) -> Iterator:
    """A collector that waits for a request no longer than two seconds, and connections to it."""
    collector: Running = start("--body-seconds", "2")
    address = collector.url.removeprefix("http://").split(":")
    with ExitStack() as stack:

        def one(sent: bytes) -> socket.socket:
            client = socket.create_connection((address[0], int(address[1])), timeout=20)
            stack.enter_context(client)
            client.sendall(sent)
            return client

        one.collector = collector  # type: ignore[attr-defined]
        yield one


def answer(client: socket.socket) -> bytes:
    """Everything that the collector says until it closes the connection."""
    parts = []
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def test_stuck_clients_hold_up_nobody_and_are_told_so(connect):
    stuck = [connect(HEAD + b'{"userId": "u", ') for _ in range(200)]
    for n in range(20):
        call = {"userId": "u", "event": "E", "messageId": f"m-{n}"}
        assert connect.collector.post("/v1/track", call).json()["accepted"] == 1
    for client in stuck:
        assert answer(client).startswith(b"HTTP/1.1 408 ")
    assert connect.collector.get("/health").json()["status"] == "ready"


def test_a_body_that_drips_is_answered_too(connect):
    """Each byte comes soon after the one before: that is no reason to wait for the rest."""
    client = connect(HEAD)
    client.settimeout(0.05)
    dripped = 0
    while dripped < 990:
        client.sendall(b" ")
        dripped += 1
        try:
            assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")
            return
        except TimeoutError:
            continue
    pytest.fail("the collector waited for the whole body")


@pytest.mark.parametrize("sent", [b"", b"POST /v1/track HTTP/1.1\r\nHost: coll"])
def test_a_head_that_never_ends_is_not_waited_for(connect, sent: bytes):
    assert answer(connect(sent)) == b""


def test_a_second_request_that_never_begins_properly_is_not_waited_for_either(connect):
    whole = HEAD.replace(b"1000", b"2") + b"{}"
    client = connect(whole)
    first = b""
    while not first.endswith(b"}"):
        first += client.recv(65_536)
    assert first.startswith(b"HTTP/1.1 200 ")
    client.sendall(HEAD[:30])
    assert answer(client) == b""


def test_a_client_that_leaves_in_the_middle_costs_nothing(connect):
    for _ in range(50):
        connect(HEAD + b'{"userId"').close()
    time.sleep(0.1)
    assert connect.collector.post("/v1/track", {"userId": "u", "event": "E"}).status_code == 200
    assert len(connect.collector.events()) == 1
