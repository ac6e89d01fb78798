"""The keys of a running collector: read from the warehouse, looked up without it."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from include.collector.sources import key_hash

log = logging.getLogger("collector")

# A key that was made, switched off or rotated is known after so many seconds at the latest.
REFRESH_SECONDS = 5.0
# An unknown key is looked for in the warehouse before it is refused: it may be new. All who ask
# share one reading, and readings keep this distance, so that guessing costs only the guesser.
UNKNOWN_SECONDS = 0.2

_KEYS = """
select k.key_hash, k.kind, k.valid_from, k.valid_to, s.source, s.webhook_secret
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


class Keyring:
    """Finds the source of a key. Belongs to one event loop."""

    def __init__(self, url: str):
        self._url = url
        self._keys: dict[bytes, Key] = {}
        self._read_at = float("-inf")
        self._connection: psycopg.AsyncConnection | None = None
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the keys and keep them fresh."""
        await self._read()
        self._task = asyncio.create_task(self._keep_fresh(), name="keyring")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    async def find(self, key: str) -> Key | None:
        """Whose key it is; None when it is nobody's, no longer or not yet valid."""
        digest = key_hash(key)
        found = self._keys.get(digest)
        if found is None:
            await self._read_anew()
            found = self._keys.get(digest)
        now = datetime.now(UTC)
        if found is None or found.valid_from > now:
            return None
        return found if found.valid_to is None or now < found.valid_to else None

    async def is_database_up(self) -> bool:
        """Whether the warehouse answers now."""
        return await self._read()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._read()

    async def _read_anew(self) -> None:
        """Return after a reading that began after this call."""
        asked_at = time.monotonic()
        async with self._reading:
            if self._read_at < asked_at:
                await asyncio.sleep(self._read_at + UNKNOWN_SECONDS - asked_at)
                await self._read_now()

    async def _read(self) -> bool:
        async with self._reading:
            return await self._read_now()

    async def _read_now(self) -> bool:
        """Read the keys; while the warehouse is away the ones known stay in force."""
        self._read_at = time.monotonic()
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
        self._keys = {
            bytes(digest): Key(kind, source, secret, valid_from, valid_to)
            for digest, kind, valid_from, valid_to, source, secret in rows
        }
        return True
