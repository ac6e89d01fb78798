"""The Postgres that a measurement runs on: of its own, and gone however the measurement ends."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from include.settings import Settings, load_settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate


@contextmanager
def own_server(parent: Path) -> Iterator[Settings]:
    """Start a migrated Postgres under `parent`; yield its settings; stop and delete it at the end.

    From here on SIGTERM ends this process as an exception does. Raises `ServiceError` when it
    does not start.
    """
    noted: list[int] = []
    # In the middle of its start a server is not known yet, and could not be stopped.
    signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    folder.chmod(0o755)  # the server's user must be able to enter it
    settings = load_settings({"DATA_DIR": str(folder)})
    try:
        url = embedded.start(settings)
        leave_on_sigterm()
        if noted:
            signal.raise_signal(signal.SIGTERM)
        migrate(url)
        yield settings
    finally:
        embedded.stop(settings)
        embedded.remove(settings)
        shutil.rmtree(folder, ignore_errors=True)


def leave_on_sigterm() -> None:
    """Let SIGTERM raise `SystemExit`, so that what was started is stopped on the way out."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # the way out is not cut short by a second one
    sys.exit(128 + number)
