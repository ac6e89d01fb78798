"""How many calls a second a source may send."""

import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Calls left, and when that was so: seconds of the machine's monotonic clock.
_BUCKET = struct.Struct("dd")


class Rates:
    """A bucket a source: it fills at the source's rate, up to one second's worth.

    A request passes while there is anything in the bucket, and may leave a debt: so a batch larger
    than a second's worth passes too, and is paid for by the wait after it.

    Buckets are files of `folder`, so that a source has one, whichever worker its connections reach.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._files: dict[str, int] = {}

    def wait(self, source: str, calls: int, per_second: int | None) -> float:
        """Seconds to wait before trying again; 0: the calls pass and are counted.

        `per_second` is the limit of all workers together; None is no limit.
        """
        if per_second is None:
            return 0.0
        with self._locked(source) as file:
            now = time.monotonic()
            kept = os.pread(file, _BUCKET.size, 0)
            left, then = _BUCKET.unpack(kept) if kept else (per_second, now)
            left = min(per_second, left + (now - then) * per_second)
            is_free = left > 0
            os.pwrite(file, _BUCKET.pack(left - calls if is_free else left, now), 0)
        return 0.0 if is_free else (1 - left) / per_second

    @contextmanager
    def _locked(self, source: str) -> Iterator[int]:
        """The file of a bucket. A lock dies with its worker, and is held for microseconds."""
        file = self._files.get(source)
        if file is None:
            name = hashlib.sha256(source.encode()).hexdigest()[:32] + ".rate"
            file = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
            self._files[source] = file
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
