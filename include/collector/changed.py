"""`POST /planhat/changed`: an automation in Planhat says that an object changed.

Only a mark: the object is read one by one soon, and nothing that is said of it here is believed.
Without the database there is none, and the next whole read finds what changed.
"""

import asyncio
import re
from typing import Any

import msgspec
import psycopg

from include.collector.errors import Refused, Unavailable
from include.collector.options import Limits

CHANGE_LIMITS = Limits(body_bytes=4_096)
_MODEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_ID = re.compile(r"[0-9a-fA-F]{24}")
_SECONDS = 4.0


class Change(msgspec.Struct):
    """The body that the docs prescribe."""

    model: str
    id: str = msgspec.field(name="_id")
    event: str | None = None
    sent_at: Any = msgspec.field(default=None, name="sentAt")


def read_change(body: bytes) -> Change:
    """The object that changed; its model's name in small letters. Raises `Refused` 400."""
    try:
        change = msgspec.json.decode(body, type=Change)
    except msgspec.DecodeError as error:
        raise Refused(400, "no_change", f"The body is not as prescribed: {error}.") from None
    if not _MODEL.fullmatch(change.model):
        raise Refused(400, "no_change", "`model` is the name of a model: Company, Enduser …")
    if not _ID.fullmatch(change.id):
        raise Refused(400, "no_change", "`_id` is the object's id in Planhat, 24 hex digits.")
    change.model = change.model.lower()
    change.id = change.id.lower()
    change.event = change.event[:100].replace("\x00", "") if change.event else None
    return change


class Marks:
    """Writes the marks; one connection, made when it is needed."""

    def __init__(self, url: str):
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def mark(self, source: str, change: Change) -> bool:
        """Mark an object; False when the source is not Planhat's. Raises `Unavailable`."""
        async with self._turn:
            try:
                async with asyncio.timeout(_SECONDS):
                    return await self._mark(source, change)
            except (psycopg.Error, TimeoutError):
                await self.stop()
                raise Unavailable("The warehouse is away.") from None

    async def stop(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _mark(self, source: str, change: Change) -> bool:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, application_name="collector changes", connect_timeout=3
            )
        done = await self._connection.execute(
            "insert into raw_planhat.changed as marked (model, planhat_id, event, source)"
            " select %s, %s, %s, source from raw_segment.sources"
            " where source = %s and kind = 'planhat'"
            " on conflict (model, planhat_id) do update set"
            " event = excluded.event, source = excluded.source, marked_at = excluded.marked_at",
            [change.model, change.id, change.event, source],
        )
        return done.rowcount == 1
