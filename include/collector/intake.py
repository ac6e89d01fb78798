"""Group commit: requests that arrive while a transaction runs share the next one.

No timer delays anybody: a lone call is committed at once, and the busier it is, the more calls
share a commit. A call that Postgres refuses is found by halving its group and goes to the
quarantine; its neighbours land.
"""

import asyncio
import logging
import uuid
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from include.collector import landing
from include.collector.event import Bad, Row
from include.collector.landing import Outcome, Parcel
from include.errors import ServiceError

log = logging.getLogger("collector")

# Bounds of one transaction. 5,000 calls of 430 bytes take about 60 ms to land.
GROUP_CALLS = 5_000
GROUP_BYTES = 8 * 1024 * 1024

# Calls in memory that wait for their transaction; beyond it the answer is 503.
WAITING_BYTES = 64 * 1024 * 1024

# Classes of SQLSTATE that blame the data of a call (22 data, 54 limits), and those after which the
# same statement is simply tried again (40: deadlock, serialization).
_DATA_FAULTS = ("22", "54")
_TRY_AGAIN = ("40",)


class Unavailable(ServiceError):
    """Nothing durable can take the calls now; the client should come again later."""


class _Waiting:
    __slots__ = ("bytes", "future", "parcel")

    def __init__(self, parcel: Parcel, size: int, future: "asyncio.Future[Outcome]"):
        self.parcel = parcel
        self.bytes = size
        self.future = future


class Intake:
    """Lands parcels over one connection. Belongs to one event loop."""

    def __init__(self, url: str, *, application_name: str = "collector"):
        self._url = url
        self._name = application_name
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self._connection: psycopg.AsyncConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_up = True

    async def start(self) -> None:
        """Begin to land what arrives."""
        self._task = asyncio.create_task(self._run(), name="intake")

    async def stop(self) -> None:
        """Land what waits, then leave."""
        if self._task is not None:
            while self._waiting:
                await asyncio.sleep(0.01)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._disconnect()

    async def land(self, parcel: Parcel) -> Outcome:
        """Wait until the parcel is durable. Raises `Unavailable` when it cannot be now."""
        size = sum(len(row.payload) for row in parcel.rows)
        size += sum(len(bad.text) for bad in parcel.bad)
        if self._waiting_bytes + size > WAITING_BYTES and self._waiting:
            raise Unavailable("Too many calls are waiting for the database.")
        waiting = _Waiting(parcel, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += size
        self._something.set()
        return await waiting.future

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            group = self._next_group()
            try:
                outcomes = await self._commit([each.parcel for each in group])
            except Unavailable as problem:
                for each in group:
                    _resolve(each.future, problem)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # A fault of ours must not end the only writer: say it, answer 503, go on.
                log.exception("landing failed")
                for each in group:
                    _resolve(each.future, Unavailable(f"landing failed: {type(error).__name__}"))
            else:
                for each, outcome in zip(group, outcomes, strict=True):
                    _resolve(each.future, outcome)

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        calls = size = 0
        while self._waiting and calls < GROUP_CALLS and size < GROUP_BYTES:
            each = self._waiting.popleft()
            self._waiting_bytes -= each.bytes
            calls += len(each.parcel.rows)
            size += each.bytes
            group.append(each)
        if not self._waiting:
            self._something.clear()
        return group

    async def _commit(self, parcels: list[Parcel]) -> list[Outcome]:
        """Outcomes of parcels that are durable now; halves the group to find what is refused."""
        try:
            return await self._transaction(parcels)
        except psycopg.Error as error:
            if not (error.sqlstate or "").startswith(_DATA_FAULTS):
                raise Unavailable(_one_line(error)) from None
            if len(parcels) > 1:
                middle = len(parcels) // 2
                first = await self._commit(parcels[:middle])
                return first + await self._commit(parcels[middle:])
            return [await self._commit_by_halves(parcels[0], error)]

    async def _commit_by_halves(self, parcel: Parcel, error: psycopg.Error) -> Outcome:
        if not parcel.rows:
            raise error
        if len(parcel.rows) == 1:
            bad = [*parcel.bad, _refused(parcel.rows[0], error)]
            return (await self._commit([replace(parcel, rows=[], bad=bad)]))[0]
        outcomes = [(await self._commit([half]))[0] for half in parcel.halves()]
        return Outcome(
            sum(outcome.accepted for outcome in outcomes),
            sum(outcome.duplicates for outcome in outcomes),
            sorted(bad for outcome in outcomes for bad in outcome.quarantined),
        )

    async def _transaction(self, parcels: list[Parcel]) -> list[Outcome]:
        """One transaction, tried again after a deadlock and, once, on a new connection."""
        token = uuid.uuid4()
        for _ in range(5):
            connection = await self._connected()
            try:
                return await landing.land(connection, parcels, token)
            except psycopg.Error as error:
                if connection.broken or connection.closed:
                    break
                if not (error.sqlstate or "").startswith(_TRY_AGAIN):
                    raise
        # Lost in the middle: whether it was committed, the new connection knows.
        await self._disconnect()
        connection = await self._connected()
        before = await landing.landed_before(connection, parcels, token)
        return before or await landing.land(connection, parcels, token)

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name=self._name, connect_timeout=3
                )
            except psycopg.Error as error:
                self.is_up = False
                raise Unavailable(_one_line(error)) from None
            landing.prepare(self._connection)
            self.is_up = True
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def now() -> datetime:
    """The time that is stamped on what arrives."""
    return datetime.now(UTC)


def _refused(row: Row, error: psycopg.Error) -> Bad:
    detail = error.diag.message_primary or type(error).__name__
    reason = "number_out_of_range" if error.sqlstate == "22003" else "not_storable"
    return Bad(row.place, reason, detail, row.payload.decode(), None)


def _resolve(future: "asyncio.Future[Outcome]", result: Outcome | Exception) -> None:
    if future.done():  # the client left
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _one_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
