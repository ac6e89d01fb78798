"""The keys of a running collector: read from the warehouse, looked up without it."""

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg

from include.collector.errors import Unavailable
from include.collector.sources import key_hash

log = logging.getLogger("collector")

# A key that was made, switched off or rotated is known after so many seconds at the latest.
REFRESH_SECONDS = 5.0
# An unknown key is looked for in the warehouse before it is refused: it may be new. All who ask
# share one reading, and readings keep this distance, so that guessing costs only the guesser.
UNKNOWN_SECONDS = 0.2

# In the spool's folder: the keys as they were last read.
KEYS_FILE = "keys.json"

_KEYS = """
select
    k.key_hash, k.kind, k.valid_from, k.valid_to, s.source, s.webhook_secret,
    s.calls_per_second
from raw_segment.source_keys as k
join raw_segment.sources as s using (source)
where s.is_enabled and (k.valid_to is null or k.valid_to > now())
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One valid key: whose it is and for which routes (`write_key`, `tenant_token`)."""

    kind: str
    source: str
    webhook_secret: str | None
    valid_from: datetime
    valid_to: datetime | None
    calls_per_second: int | None = None


class Keyring:
    """Finds the source of a key. Belongs to one event loop."""

    def __init__(self, url: str, file: Path | None = None):
        self._url = url
        self._file = file
        self._keys: dict[bytes, Key] = {}
        self._read_at = float("-inf")
        self._is_up = False
        self._connection: psycopg.AsyncConnection | None = None
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the keys and keep them fresh. While the warehouse is away, those of the file."""
        if not await self._read() and self._file is not None:
            self._keys = _from_file(self._file)
        self._task = asyncio.create_task(self._keep_fresh(), name="keyring")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    async def find(self, key: str) -> Key | None:
        """Whose key it is; None when it is nobody's, no longer or not yet valid.

        Raises `Unavailable` for an unknown key while the warehouse is away: it may be a new one,
        and a refusal would be final.
        """
        # By its hash, of which nobody can guess one byte after the other: whatever comparing
        # hashes takes tells nothing about a key.
        digest = key_hash(key)
        found = self._keys.get(digest)
        if found is None:
            is_up = await self._read_anew()
            found = self._keys.get(digest)
            if found is None and not is_up:
                raise Unavailable("The warehouse, which may know this key, is away.")
        return _now_valid(found)

    def known(self, key: str) -> Key | None:
        """Whose key it is, as far as the last reading tells, without waiting for another."""
        return _now_valid(self._keys.get(key_hash(key)))

    async def is_database_up(self) -> bool:
        """Whether the warehouse answers now."""
        return await self._read()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._read()

    async def _read_anew(self) -> bool:
        """Return after a reading that began after this call; whether it succeeded."""
        asked_at = time.monotonic()
        async with self._reading:
            if self._read_at < asked_at:
                await asyncio.sleep(self._read_at + UNKNOWN_SECONDS - asked_at)
                await self._read_now()
            return self._is_up

    async def _read(self) -> bool:
        async with self._reading:
            return await self._read_now()

    async def _read_now(self) -> bool:
        """Read the keys; while the warehouse is away the ones known stay in force."""
        self._read_at = time.monotonic()
        self._is_up = False
        try:
            async with asyncio.timeout(4):
                if self._connection is None or self._connection.closed:
                    self._connection = await psycopg.AsyncConnection.connect(
                        self._url, autocommit=True, application_name="collector keys",
                        connect_timeout=3,
                    )  # fmt: skip
                cursor = await self._connection.execute(_KEYS)
                rows = await cursor.fetchall()
        except (psycopg.Error, TimeoutError):
            if self._connection is not None:
                await self._connection.close()
                self._connection = None
            return False
        keys = {
            bytes(digest): Key(kind, source, secret, valid_from, valid_to, rate)
            for digest, kind, valid_from, valid_to, source, secret, rate in rows
        }
        if self._file is not None and keys != self._keys:
            _to_file(self._file, keys)
        self._keys = keys
        self._is_up = True
        return True


def _now_valid(found: Key | None) -> Key | None:
    now = datetime.now(UTC)
    if found is None or found.valid_from > now:
        return None
    return found if found.valid_to is None or now < found.valid_to else None


def _to_file(file: Path, keys: dict[bytes, Key]) -> None:
    """Keep the hashes of the keys for a start without the warehouse; replaced as a whole."""
    other = file.with_suffix(f".{os.getpid()}")
    try:
        other.touch(mode=0o600)
        other.write_bytes(msgspec.json.encode({key.hex(): value for key, value in keys.items()}))
        other.replace(file)
    except OSError as error:
        log.warning("the keys could not be kept in %s: %s", file, error.strerror)


def _from_file(file: Path) -> dict[bytes, Key]:
    try:
        known = msgspec.json.decode(file.read_bytes(), type=dict[str, Key])
        return {bytes.fromhex(digest): key for digest, key in known.items()}
    except (OSError, ValueError):
        return {}
