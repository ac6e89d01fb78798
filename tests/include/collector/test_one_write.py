"""Answers as they are on the wire: whole, and in one piece."""

import base64
import socket
from urllib.parse import urlsplit

import pytest

from tests.include.collector.conftest import Running

BODY = b'{"event":"E","messageId":"m"}'
KEY = base64.b64encode(b"demo-app:")


def request(path: bytes, *headers: bytes, body: bytes = BODY, method: bytes = b"POST") -> bytes:
    lines = [
        method + b" " + path + b" HTTP/1.1", b"host: x", b"authorization: Basic " + KEY,
        b"content-length: %d" % len(body), *headers,
    ]  # fmt: skip
    return b"\r\n".join([*lines, b"", body])


@pytest.fixture
def line(collector: Running):
    address = urlsplit(collector.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as line:
        yield line


def test_head_and_body_of_an_answer_arrive_together(line: socket.socket):
    for kind in (b"accepted", b"duplicates"):
        line.sendall(request(b"/v1/track"))
        head, _, body = line.recv(65_536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b'"%s":1' % kind in body


def test_what_was_written_is_sent_before_the_line_is_closed(line: socket.socket):
    line.sendall(request(b"/v1/track", b"connection: close"))
    answer = b"".join(iter(lambda: line.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'"quarantined":[]}')


def test_requests_that_come_together_are_answered_in_their_order(line: socket.socket):
    wanted = [b"/v1/track", b"/nowhere", b"/v1/track", b"/health"]
    methods = [b"GET" if path == b"/health" else b"POST" for path in wanted]
    requests = [
        request(path, method=method, body=b"" if method == b"GET" else BODY)
        for path, method in zip(wanted, methods, strict=True)
    ]
    requests[-1] = requests[-1].replace(b"host: x", b"host: x\r\nconnection: close")
    line.sendall(b"".join(requests))
    answers = b"".join(iter(lambda: line.recv(65_536), b"")).split(b"HTTP/1.1 ")[1:]
    assert [each[:3] for each in answers] == [b"200", b"404", b"200", b"200"]
    assert b'"accepted":1' in answers[0]
    assert b'"duplicates":1' in answers[2]
    assert b'"status":"ready"' in answers[3]


def test_who_waits_to_be_asked_for_the_body_is_asked(line: socket.socket):
    whole = request(b"/v1/track", b"expect: 100-continue")
    line.sendall(whole.removesuffix(BODY))
    assert line.recv(65_536).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    line.sendall(BODY)
    assert b'"accepted":1' in line.recv(65_536)
