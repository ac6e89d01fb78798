"""Running it: in a thread of this process (tests), or as a process of its own (`make up`)."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from include.errors import ServiceError
from include.played_planhat.app import PlayedPlanhat


class _Protocol(HttpToolsProtocol):
    """Hands the application its connection, which it may have to cut."""

    def connection_made(self, transport: Any) -> None:
        """A client came."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `ServiceError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"The played Planhat cannot listen on {host}:{port} ({error.strerror}): set "
            "PLAYED_PLANHAT_PORT to another one."
        ) from None
    listener.listen(256)
    return listener


def server_for(played: PlayedPlanhat) -> uvicorn.Server:
    """Uvicorn around it; `run(sockets=[…])` serves."""
    # It cuts connections on purpose, which uvicorn would say each time.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Server(
        uvicorn.Config(
            played,
            lifespan="off",
            http=_Protocol,
            ws="none",
            access_log=False,
            log_level="critical",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


@contextmanager
def running(played: PlayedPlanhat) -> Iterator[str]:
    """Serve it from a thread on a free port of this machine; yields the address."""
    listener = listen("127.0.0.1", 0)
    server = server_for(played)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
