"""Starting the collector: database first, then the port, then the workers."""

import errno
import logging
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from uvicorn.supervisors import Multiprocess

from include.collector.app import Collector
from include.collector.keyring import KEYS_FILE
from include.collector.options import Options
from include.collector.patience import PatientProtocol
from include.errors import ServiceError
from include.warehouse.connection import connect
from include.warehouse.migrate import migrate

# Under SIGTERM, requests that are being answered have this long.
GRACE_SECONDS = 10


def serve(
    url: str,
    host: str,
    port: int,
    options: Options = Options(),  # noqa: B008  frozen
    *,
    say: Callable[[str], None] = print,
) -> None:
    """Run the collector until SIGTERM or SIGINT. `port` 0 takes a free one, which `say` tells.

    A warehouse that is away at the start is waited for, with the calls in the spool, if it was
    there before: else the keys are not known. Raises `ServiceError` when Postgres does not answer
    or the port is taken.
    """
    try:
        connect(url, application_name="collector").close()
    except ServiceError as problem:
        if options.spool_folder is None or not (options.spool_folder / KEYS_FILE).exists():
            raise
        say(f"{problem} Until then calls go to the spool.")
    else:
        migrate(url, say=say)
    _allow_many_connections()
    listener = _listen(host, port)
    at = listener.getsockname()
    count = f"{options.workers} worker" + ("s" if options.workers > 1 else "")
    say(f"collector listens on http://{at[0]}:{at[1]} ({count})")
    # Uvicorn stops in order and then raises the signal again: that is a good end, not a failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with listener, TemporaryDirectory(prefix="collector-") as folder:
        configuration = _configuration(url, options, Path(folder))
        if options.workers > 1:
            Multiprocess(configuration, sockets=[listener]).run()
        else:
            uvicorn.Server(configuration).run(sockets=[listener])


def _configuration(url: str, options: Options, shared: Path) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return uvicorn.Config(
        partial(Collector, url, options, shared),
        factory=True,
        lifespan="on",
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        workers=options.workers,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _allow_many_connections() -> None:
    # Each is an open file, and 1,024 is a common default: few for clients that keep theirs.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ServiceError(
                f"Port {port} on {host} is taken: stop the program that has it, "
                "or set COLLECTOR_PORT to another."
            ) from None
        raise ServiceError(
            f"Cannot listen on {host}:{port} ({error.strerror}): set COLLECTOR_HOST to an address "
            "of this machine and COLLECTOR_PORT to a port that may be opened."
        ) from None
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener
