"""A real HTTP server that plays Segment: its limits, its answers, its faults.

It keeps what it accepted by message id, as Segment does: a message id seen before is dropped. A
`script` is asked before each post what to do with it.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from include.settings import SegmentConnection

BODY_BYTES = 500 * 1024
MESSAGE_BYTES = 32 * 1024
BATCH_EVENTS = 2_500


@dataclass(frozen=True)
class Answer:
    """What happens to one post. `takes`: its messages are accepted, whatever the answer says."""

    status: int = 200
    takes: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    # the connection is reset instead of answered
    resets: bool = False
    body: dict | None = None


OK = Answer()
LOST = Answer(resets=True)
RESET = Answer(resets=True, takes=False)
UNAVAILABLE = Answer(500, takes=False)
BUSY = Answer(429, takes=False, headers={"Retry-After": "1"})

Script = Callable[[int, list[dict]], Answer]


class PlayedSegment:
    """`with PlayedSegment(script) as segment:`; `script(post_number, batch)` gives the answer."""

    def __init__(self, script: Script = lambda number, batch: OK) -> None:
        self.script = script
        self.posts = 0
        # message id → the message that was accepted first under it
        self.accepted: dict[str, dict] = {}
        # in the order of acceptance, repeats left out
        self.messages: list[dict] = []
        self.repeats = 0
        self.refusals: list[str] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.segment = self

    def __enter__(self) -> "PlayedSegment":
        threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.05,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def connection(self) -> SegmentConnection:
        """What a push is given."""
        return SegmentConnection(f"http://127.0.0.1:{self._server.server_port}", "a-write-key")

    def latest(self) -> dict[str, dict]:
        """The last accepted message per Planhat object: what a warehouse would hold."""
        return {
            (each.get("traits") or each.get("properties"))["planhat_id"]: each
            for each in self.messages
        }

    def sent_values(self, name: str) -> dict[str, object]:
        """One trait or property of each object's last message."""
        return {
            key: (each.get("traits") or each.get("properties")).get(name)
            for key, each in self.latest().items()
        }

    def answer(self, body: bytes) -> Answer:
        """Decide on one post and keep what is taken."""
        batch = json.loads(body, parse_constant=_refuse_constant)["batch"]
        with self._lock:
            self.posts += 1
            answer = self.script(self.posts, batch)
            if problem := _limits(body, batch):
                self.refusals.append(problem)
                return Answer(400, takes=False)
            if answer.takes:
                for message in batch:
                    if message["messageId"] in self.accepted:
                        self.repeats += 1
                    else:
                        self.accepted[message["messageId"]] = message
                        self.messages.append(message)
            return answer


def refuses(*object_ids: str) -> Script:
    """400 for every batch with one of these objects in it."""

    def script(number: int, batch: list[dict]) -> Answer:
        ids = {(each.get("traits") or each.get("properties"))["planhat_id"] for each in batch}
        return Answer(400, takes=False) if ids & set(object_ids) else OK

    return script


def in_turn(*answers: Answer) -> Script:
    """These answers to the first posts, then OK."""
    return lambda number, batch: answers[number - 1] if number <= len(answers) else OK


def _limits(body: bytes, batch: list[dict]) -> str | None:
    if len(body) > BODY_BYTES:
        return f"a body of {len(body)} bytes"
    if len(batch) > BATCH_EVENTS:
        return f"{len(batch)} events"
    for message in batch:
        if len(json.dumps(message)) > MESSAGE_BYTES:
            return "a message over 32 KB"
        if not (message.get("userId") or message.get("anonymousId")):
            return "a message without an identity"
        if len(message["messageId"]) > 100:
            return "a message id over 100 characters"
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    segment: PlayedSegment

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            answer = self.server.segment.answer(body)
        except ValueError:
            answer = Answer(400, takes=False)
        if answer.delay:
            time.sleep(answer.delay)
        if answer.resets:
            # Linger of zero: the peer sees a reset, not an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        content = json.dumps(answer.body or {"success": answer.status == 200}).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        """A page, as a proxy or a moved host would show one."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""
