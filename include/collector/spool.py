"""Calls on disk while the warehouse is away.

A spool is a folder of segments: files of records, each record one group of calls with the token
of its transaction. A record is on disk (fsync) before its calls are answered. Every segment is
locked by the process that owns it; the lock dies with the process, and whoever finds a segment
without one adopts it. So `kill -9` loses nothing, and several workers share a folder.

A record that was cut by a crash was never answered: it is dropped. What landed already is told by
the tokens in `raw_segment.loads`, not by a position on disk: draining is exact however often it
is interrupted.
"""

import fcntl
import logging
import os
import struct
import time
import zlib
from pathlib import Path
from uuid import UUID

import msgspec

from include.collector.landing import Parcel

log = logging.getLogger("collector")

# A segment is read into memory to be drained, and deleted as a whole.
SEGMENT_BYTES = 16 * 1024 * 1024

_HEAD = struct.Struct("!II")  # length and CRC-32 of a record


class SpoolFull(Exception):
    """The spool has reached its bound, or the disk its end."""


class Unreadable(Exception):
    """A whole record that this version of the collector does not understand."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One group of calls and the token of the transaction that lands it."""

    token: UUID
    parcels: list[Parcel]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


class Segment:
    """A locked file of records; open for appending until it is sealed."""

    def __init__(self, path: Path, descriptor: int):
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self.is_sealed = False
        self._descriptor = descriptor

    def append(self, record: bytes) -> None:
        """Write a record and have it on disk. Raises `OSError`; then the file is as before."""
        try:
            written = os.write(self._descriptor, record)
            while written < len(record):
                written += os.write(self._descriptor, record[written:])
            os.fdatasync(self._descriptor)
        except OSError:
            # Nobody can say what of it is on disk: cut it off, and write nothing here any more.
            self.is_sealed = True
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(record)

    def records(self) -> list[Record]:
        """Its records, in order, up to the first that is cut or damaged. Raises `Unreadable`."""
        data = self.path.read_bytes()
        found, place = [], 0
        while place + _HEAD.size <= len(data):
            length, checksum = _HEAD.unpack_from(data, place)
            body = data[place + _HEAD.size : place + _HEAD.size + length]
            if len(body) < length or zlib.crc32(body) != checksum:
                break
            try:
                found.append(_decode(body))
            except msgspec.MsgspecError:
                raise Unreadable(f"{self.path} was written by another version.") from None
            place += _HEAD.size + length
        if place < len(data):
            log.warning(
                "%s: the last %d bytes are no whole record, and were never answered",
                self.path.name, len(data) - place,
            )  # fmt: skip
        return found

    def remove(self) -> None:
        """Delete the file and give up the lock."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def release(self) -> None:
        """Give up the lock; the file stays for whoever adopts it."""
        os.close(self._descriptor)


class Spool:
    """The segments of one process, oldest first. `limit` bounds their bytes together."""

    def __init__(self, folder: Path, limit: int):
        self.folder = folder
        self._limit = limit
        self._segments: list[Segment] = []
        self._is_full = False
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def bytes(self) -> int:
        """How much is in it."""
        return sum(segment.size for segment in self._segments)

    @property
    def shared_bytes(self) -> int:
        """How much all the processes that share its folder have in it, gone ones included."""
        return sum(_size(path) for path in self.folder.glob("*.spool"))

    @property
    def has_backlog(self) -> bool:
        """Whether there is something to drain."""
        return bool(self._segments)

    @property
    def is_full(self) -> bool:
        """Whether its last attempt to write met the bound or the end of the disk."""
        return self._is_full

    def append(self, token: UUID, parcels: list[Parcel]) -> None:
        """Have a group on disk when this returns. Blocks. Raises `SpoolFull`."""
        body = _encode(Record(token, parcels))
        record = _HEAD.pack(len(body), zlib.crc32(body)) + body
        self._is_full = True
        if self.bytes + len(record) > self._limit:
            raise SpoolFull(f"The spool holds {self.bytes} of at most {self._limit} bytes.")
        try:
            if not self._segments or self._segments[-1].is_sealed:
                self._segments.append(self._new_segment())
            self._segments[-1].append(record)
        except OSError as error:
            if self._segments and self._segments[-1].size == 0:
                self._segments.pop().remove()
            raise SpoolFull(f"The spool cannot be written: {error.strerror}.") from None
        self._is_full = False
        if self._segments[-1].size >= SEGMENT_BYTES:
            self._segments[-1].is_sealed = True

    def first(self) -> Segment | None:
        """The oldest segment, sealed: what is appended from now on goes to another."""
        if not self._segments:
            return None
        self._segments[0].is_sealed = True
        return self._segments[0]

    def drop_first(self) -> None:
        """Delete the oldest segment: all of it has landed."""
        self._segments.pop(0).remove()

    def set_first_aside(self) -> None:
        """Keep the oldest segment under another name, for a person to look at."""
        segment = self._segments.pop(0)
        segment.path.rename(segment.path.with_suffix(".unreadable"))
        segment.release()

    def adopt(self) -> int:
        """Take over segments whose process is gone; how many."""
        ours = {segment.path for segment in self._segments}
        found = []
        for path in sorted(self.folder.glob("*.spool")):
            if path not in ours and (segment := _locked(path, os.O_RDWR | os.O_APPEND)):
                segment.is_sealed = True
                found.append(segment)
        self._segments[:0] = found
        return len(found)

    def close(self) -> None:
        """Leave what is there to the next process."""
        for segment in self._segments:
            segment.release()
        self._segments.clear()

    def _new_segment(self) -> Segment:
        while True:
            path = self.folder / f"{time.time_ns():020d}-{os.getpid()}.spool"
            segment = _locked(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL)
            if segment is not None:
                _sync_folder(self.folder)
                return segment


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # drained since it was listed
        return 0


def _locked(path: Path, flags: int) -> Segment | None:
    """The segment if nobody has it. A file that was deleted before we had its lock is nobody's."""
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
            return Segment(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _sync_folder(folder: Path) -> None:
    """A new file's name must be on disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
