"""What uvicorn leaves to whoever connects: how much a connection may send, and how long it takes.

Uvicorn waits for a head for ever, and keeps one of any length; it goes on reading requests that
nobody has answered, and waits for ever for a client that does not read. How long a body may take is
the application's to say (408), and how long it may be (413).
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from include.collector.bounds import HEAD_BYTES, HEADERS, PIPELINED, Bounds
from include.collector.one_write import OneWrite

# The parser is given so much at once; what it holds of a head it tells nobody before that.
PIECE_BYTES = 32 * 1024
RETRY_AFTER_SECONDS = 5
# A connection that was refused stays so long, unread: closed at once, its client might never see
# the answer, and one that floods would be back at once.
LINGER_SECONDS = 1.0

_REFUSALS = {
    "no_http": (400, "bad_request", "This is no request of HTTP."),
    "head": (431, "head_too_large", f"A head may have {HEAD_BYTES} bytes and {HEADERS} headers."),
    "pipelined": (400, "too_many_at_once", "Wait for the answers before you send more."),
    "memory": (503, "unavailable", "Others are sending too much at once: try again."),
    "address": (503, "unavailable", "Your address has too many connections: try again."),
}


class _Refused(Exception):
    """Raised within a callback of the parser: the request is turned down, for this reason."""


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with bounds, for an application that has `bounds`.

    One timer a connection, none a request.
    """

    def __init__(self, **config: Any):
        super().__init__(**config)
        self._bounds = cast("Bounds", self.app.bounds)
        self._seconds = self._bounds.limits.seconds
        self._address = ""
        self._refused_for: str | None = None
        self._is_refused = False
        # Bytes and headers of the head that is being read, and of trailers.
        self._head_bytes = 0
        self._head_count = 0
        # Bytes given to the parser since it last told anything.
        self._silent_bytes = 0
        self._is_heard = False
        # Between a request's first byte and its last; and whether its head is there.
        self._is_receiving = False
        self._has_head = False
        # What the client has not read of our answers, and since when that is as much.
        self._unread_bytes = 0
        self._unread_since = 0.0
        self.kept = 0
        self.is_busy = False
        self.since = self.loop.time()
        self._was_welcome = False

    # The life of a connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came: its first head is awaited from now on."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self._address = self.client[0] if self.client else ""
        self._looking = self.loop.call_later(self._seconds, self._look)
        self._bounds.came(self, self._address)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, whoever ended it."""
        self._bounds.left(self, self._address)
        # Neither a timer nor a request that nobody will answer holds on to what it has sent.
        self._looking.cancel()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes came, in parts of any size."""
        if len(data) <= PIECE_BYTES:
            self._receive(data)
            return
        for start in range(0, len(data), PIECE_BYTES):
            self._receive(data[start : start + PIECE_BYTES])

    def _receive(self, data: bytes) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        self._is_heard = False
        super().data_received(data)
        if self._is_refused:
            return
        self._silent_bytes = 0 if self._is_heard else self._silent_bytes + len(data)
        if self._silent_bytes > HEAD_BYTES:
            self._refuse("head")
        elif self._is_in_head or not self._is_answered:
            self._bounds.keeps(self, len(data))

    @property
    def _is_in_head(self) -> bool:
        return self._is_receiving and not self._has_head

    @property
    def _is_answered(self) -> bool:
        """Whether every request whose head was read has its answer; what still comes of the last
        one's body is thrown away then."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_known(self) -> bool:
        """The application says so as soon as it has seen a known key, or has nothing to refuse."""
        return self._was_welcome or (
            self.cycle is not None and "is_welcome" in self.cycle.scope["state"]
        )

    # What the parser tells

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_heard = True
        if len(self.pipeline) >= PIPELINED:
            self._refused_for = "pipelined"
            raise _Refused
        super().on_message_begin()
        self._is_receiving = True
        self._has_head = False
        self._head_bytes = self._head_count = 0
        if self._is_answered:
            self.since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Some of the address."""
        self._add_to_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._head_count += 1
        self._add_to_head(len(name) + len(value))
        super().on_header(name, value)

    def _add_to_head(self, size: int) -> None:
        self._is_heard = True
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES or self._head_count > HEADERS:
            self._refused_for = "head"
            raise _Refused

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._is_heard = self._has_head = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body."""
        self._is_heard = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there as a whole."""
        self._is_heard = True
        self._is_receiving = False
        self.is_busy = True
        super().on_message_complete()
        self._forget()

    def on_response_complete(self) -> None:
        """An answer was written."""
        super().on_response_complete()
        self._was_welcome = self.is_known
        self._forget()

    def _forget(self) -> None:
        """When everything is answered, wait for the next request and keep nothing."""
        if self._is_answered and not self.pipeline:
            if not self._is_in_head:
                self._bounds.keeps_nothing(self)
            self.is_busy = False
            self.since = self.loop.time()

    # How it ends

    def give_way(self, reason: str) -> None:
        """End, because others need the room."""
        self._refuse(reason)

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says when the parser cannot go on."""
        self._refuse(self._refused_for or "no_http")

    def _refuse(self, reason: str) -> None:
        """Say why, without a word where no request has begun, and let the client read it."""
        if self._is_refused or self.transport.is_closing():
            return
        self._bounds.count(reason)
        is_between = not self._is_receiving and self._is_answered
        if self.cycle is not None:
            # The application is told that its client is gone; whatever it answers goes nowhere.
            self.cycle.disconnected = True
            self.cycle.body = bytearray()
            self.cycle.message_event.set()
        if not is_between or reason == "no_http":
            self.transport.write(_answer(*_REFUSALS[reason]))
        if is_between or reason == "address":
            self.transport.close()
            return
        self._is_refused = True
        self._bounds.keeps_nothing(self)
        self.pipeline.clear()
        self.flow.pause_reading()
        self._looking.cancel()
        self._looking = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _look(self) -> None:
        """Now and then: is this client too slow to send, or to read?"""
        now = self.loop.time()
        if self.transport.is_closing():
            return
        if not self._reads(now):
            self._bounds.count("slow")
            self.transport.abort()
        elif self._is_overdue(now):
            self._bounds.count("slow")
            self.transport.close()
        else:
            self._looking = self.loop.call_later(self._seconds, self._look)

    def _is_overdue(self, now: float) -> bool:
        """A head, or what a client sends although it was answered; a body is the application's."""
        if self.is_busy or not (self._is_in_head or self._is_answered):
            return False
        return now - self.since >= self._seconds

    def _reads(self, now: float) -> bool:
        """Whether the client takes its answers: one that does not leaves them with us."""
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread != self._unread_bytes:
            self._unread_bytes, self._unread_since = unread, now
            return True
        return now - self._unread_since < self._seconds


def _answer(status: int, code: str, message: str) -> bytes:
    body = msgspec.json.encode({"success": False, "code": code, "message": message})
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append(f"retry-after: {RETRY_AFTER_SECONDS}")
    head = "\r\n".join([*lines, "", ""])
    return head.encode() + body
