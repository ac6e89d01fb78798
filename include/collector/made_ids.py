"""Message ids for calls that have none, made once, before the first durable write of the call.

Whether what comes again is the same call has to be told without an id. A call with a time of day of
its own is: its id is made of the source, the content without the time of sending, and how many
equal calls stand before it in its request or file. So is a call in a file, which is the file that
it was: there the file's name belongs to it. So the same request, or a longer version of the same
file, is the same again. Two other equal calls are two calls: each gets a new id, as from Segment.
"""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from include.collector.times import read_time

PREFIX = "made-"

_DIGITS = 40
# Says when the client sent it, not what it is: it differs each time a client tries again. A blank
# id and a key say nothing of it either.
_NOT_CONTENT = frozenset(("sentAt", "sent_at", "messageId", "message_id", "writeKey", "write_key"))
_OWN_TIMES = ("timestamp", "originalTimestamp", "original_timestamp")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class MadeIds:
    """The ids that are made for the calls of one request or file of `source`.

    `made` counts them. `file` is what the file is known by, see `file_name`. `kept`: the id that
    the only call got when it first came; it is given again, and not counted again.
    """

    __slots__ = ("_before", "_file", "_kept", "_source", "made")

    def __init__(self, source: str, file: str | None = None, kept: str | None = None):
        self.made = 0
        self._source = source
        self._file = file
        self._kept = kept
        # How many equal calls came before, by a hash of what they are.
        self._before: dict[bytes, int] = {}

    def make(self, content: Mapping[str, bytes], kind: str, shared: bytes) -> str:
        """The id of a call of type `kind`: its members as they stand, and what its batch says."""
        if self._kept is not None:
            return self._kept
        self.made += 1
        is_timed = _has_time_of_day(content)
        if not is_timed and self._file is None:
            return PREFIX + secrets.token_hex(_DIGITS // 2)
        digest = hashlib.sha256(f"{self._source}\n{kind}\n".encode())
        for name in sorted(content):
            if name not in _NOT_CONTENT:
                digest.update(_encode(name) + b":" + content[name] + b",")
        digest.update(shared)
        if not is_timed:
            digest.update(b"\nfile " + _encode(self._file))
        if before := self._equal_before(digest.digest()):
            digest.update(b"\nbefore %d" % before)
        return PREFIX + digest.hexdigest()[:_DIGITS]

    def _equal_before(self, digest: bytes) -> int:
        before = self._before.get(digest[:16], 0)
        self._before[digest[:16]] = before + 1
        return before


def file_name(path: Path) -> str:
    """What a file is known by: its name, wherever it lies and whether it is packed or not."""
    return path.stem if path.suffix.lower() == ".gz" else path.name


def _has_time_of_day(content: Mapping[str, bytes]) -> bool:
    for name in _OWN_TIMES:
        try:
            time = read_time(_decode(content.get(name, b"null")))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # of a call that cannot be read as a whole
        if time is not None and time.has_time_of_day:
            return True
    return False
