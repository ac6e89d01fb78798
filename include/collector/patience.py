"""Connections that never finish saying what they want are ended, so that they hold nothing."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from include.collector.one_write import OneWrite


class ImpatientProtocol(HttpToolsProtocol):
    """Uvicorn's protocol; a request's head must be there within `seconds` of its beginning.

    How long a body may take is the application's to say (408). Uvicorn itself waits for a head for
    ever. One timer a connection, none a request.
    """

    def __init__(self, seconds: float, **config: Any):
        super().__init__(**config)
        self._seconds = seconds
        self._head_since: float | None = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came: its first head is awaited from now on."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self.loop.call_later(self._seconds, self._look)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._head_since = None
        super().on_headers_complete()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if self._head_since is not None and self.loop.time() - self._head_since >= self._seconds:
            self.transport.close()
        else:
            self.loop.call_later(self._seconds, self._look)
