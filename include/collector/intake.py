"""Group commit: requests that arrive while a transaction runs share the next one.

No timer delays anybody: a lone call is committed at once, and the busier it is, the more calls
share a commit. A call that Postgres refuses is found by trying halves of its group, none of which
stays, and goes to the quarantine; then the whole group lands, in one transaction as ever.

While the warehouse is away, groups go to the spool instead. As long as the spool holds something,
new groups go behind it, so that what became durable first lands first.

A group has one token all its life, in the spool too. It lands and is counted with its token or not
at all, and no token lands twice: so the books stay exact, whoever is killed at whatever moment.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

import psycopg

from include.collector import landing
from include.collector.errors import Unavailable
from include.collector.event import Bad, Row
from include.collector.landing import Outcome, Parcel
from include.collector.metrics import Metrics
from include.collector.privacy import PrivacySettings
from include.collector.spool import Record, Spool, SpoolFull, Unreadable
from include.errors import ServiceError

log = logging.getLogger("collector")

_T = TypeVar("_T")

# Bounds of one transaction. 5,000 calls of 430 bytes take about 60 ms to land.
GROUP_CALLS = 5_000
GROUP_BYTES = 8 * 1024 * 1024

# Calls in memory that wait for their transaction; beyond it the answer is 503.
WAITING_BYTES = 64 * 1024 * 1024

# A deadlock is tried again so often.
TRIES = 5

# A transaction that takes longer counts as lost. Segment's webhook gives up after 5 seconds.
COMMIT_SECONDS = 4.0
# Nobody waits for what is drained: a group that takes longer is given twice as long each time.
DRAIN_SECONDS = 64.0
# Between two attempts to reach a warehouse that is away.
RETRY_SECONDS = 0.5
# Between two looks for segments whose process has died.
ADOPT_SECONDS = 10.0

# The class of SQLSTATE after which the same statement is simply tried again: deadlock,
# serialization.
_TRY_AGAIN = "40"


class _Lost(Unavailable):
    """The warehouse went away in the middle of a transaction: its outcome is unknown."""


class _TooSlow(_Lost):
    """The same, and waiting longer would keep the client waiting too."""


class _Waiting:
    __slots__ = ("bytes", "future", "parcel")

    def __init__(self, parcel: Parcel, size: int, future: "asyncio.Future[Outcome]"):
        self.parcel = parcel
        self.bytes = size
        self.future = future


class Intake:
    """Lands parcels over one connection. Belongs to one event loop.

    Without a spool a parcel that cannot land is refused. `before_use` is awaited once, on the
    first connection. What waited in the spool lands as `privacy` says by then.
    """

    def __init__(
        self,
        url: str,
        spool: Spool | None = None,
        *,
        application_name: str = "collector",
        metrics: Metrics | None = None,
        before_use: Callable[[], Awaitable[object]] | None = None,
        privacy: PrivacySettings | None = None,
    ):
        self._url = url
        self.spool = spool
        self._metrics = metrics or Metrics()
        # Its own name in `pg_stat_activity`: only this intake's lost transactions are ended.
        self._name = f"{application_name} {uuid.uuid4().hex[:12]}"
        self._before_use = before_use
        self._privacy = privacy
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._connection: psycopg.AsyncConnection | None = None
        self._connect_lock = asyncio.Lock()
        self._pid: int | None = None
        self._lost_pid: int | None = None
        self._drain_after = float("-inf")
        self._patience = COMMIT_SECONDS
        self._drain_patience = COMMIT_SECONDS
        self._to_drain: deque[Record] | None = None
        self._draining: asyncio.Task[None] | None = None
        # Nobody reads or deletes a segment while another thread writes to the spool.
        self._spool_lock = asyncio.Lock()
        self._adopted_at = float("-inf")
        self._tasks: set[asyncio.Task] = set()
        self._connecting: asyncio.Task | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._is_stopping = False

    @property
    def is_up(self) -> bool:
        """Whether there is a connection; it may turn out to be a dead one."""
        return self._connection is not None and not self._connection.closed

    async def start(self) -> None:
        """Begin to land what arrives, and what a process before left in the spool."""
        self._loop_task = asyncio.create_task(self._run(), name="intake")

    async def stop(self) -> None:
        """Have everything durable that was taken, then leave."""
        self._is_stopping = True
        self._wake.set()
        if self._loop_task is not None:
            await self._loop_task
        if self._draining is not None:
            await asyncio.wait({self._draining}, timeout=COMMIT_SECONDS)
        for task in (*self._tasks, self._connecting, self._draining):
            if task is not None:
                task.cancel()
        if self._draining is not None:
            await asyncio.wait({self._draining})
        if self._connection is not None:
            await self._connection.close()
        if self.spool is not None:
            self.spool.close()

    async def land(self, parcel: Parcel) -> Outcome:
        """Wait until the parcel is durable. Raises `Unavailable` when it cannot be now.

        Of a parcel in the spool nobody knows yet what is a duplicate: its calls count as accepted.
        """
        size = sum(len(row.payload) for row in parcel.rows)
        size += sum(len(bad.text) + len(bad.envelope or "") for bad in parcel.bad)
        if self._waiting_bytes + size > WAITING_BYTES and self._waiting:
            raise Unavailable("Too many calls are waiting for the database.")
        waiting = _Waiting(parcel, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += size
        self._wake.set()
        return await waiting.future

    # The loop: one group at a time, so nothing overtakes anything. Only the spool is drained beside
    # it: what arrives meanwhile goes to the spool's end and is answered.

    async def _run(self) -> None:
        while self._waiting or not self._is_stopping:
            try:
                await self._step()
            except Exception:
                # A fault of ours must not end the only writer.
                log.exception("the intake failed; it goes on")
                await asyncio.sleep(RETRY_SECONDS)

    async def _step(self) -> None:
        if self._draining is None:
            self._adopt()
        has_backlog = self.spool is not None and self.spool.has_backlog
        if has_backlog and not self.is_up:
            self._reconnect()
        if has_backlog and self._may_drain:
            self._draining = asyncio.create_task(self._drain_one(), name="drain")
            self._draining.add_done_callback(self._has_drained)
        if not self._waiting:
            await self._sleep(RETRY_SECONDS if has_backlog else ADOPT_SECONDS)
            return
        group = self._next_group()
        try:
            if has_backlog:
                await self._spool_group(group, landing.new_token())
            else:
                await self._land_group(group)
        except Exception as error:
            if not isinstance(error, Unavailable):
                log.exception("landing failed")
                error = Unavailable(f"landing failed: {type(error).__name__}")
            for each in group:
                _resolve(each.future, error)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        calls = size = 0
        while self._waiting and calls < GROUP_CALLS and size < GROUP_BYTES:
            each = self._waiting.popleft()
            self._waiting_bytes -= each.bytes
            calls += len(each.parcel.rows)
            size += each.bytes
            group.append(each)
        return group

    async def _land_group(self, group: list[_Waiting]) -> None:
        token = landing.new_token()
        try:
            await self._connect()
            outcomes = await self._commit([each.parcel for each in group], token)
        except Unavailable as problem:
            log.warning("the warehouse is away: %s", problem)
            if self.spool is None:
                raise
            await self._spool_group(group, token)
            return
        for each, outcome in zip(group, outcomes, strict=True):
            _resolve(each.future, outcome)

    # The spool

    async def _spool_group(self, group: list[_Waiting], token: uuid.UUID) -> None:
        assert self.spool is not None
        parcels = self._as_stored([each.parcel for each in group])
        try:
            async with self._spool_lock:
                await asyncio.to_thread(self.spool.append, token, parcels)
        except SpoolFull as full:
            raise Unavailable(str(full)) from None
        for each in group:
            self._metrics.count("spooled_total", len(each.parcel.rows) + len(each.parcel.bad))
            parcel = each.parcel
            outcome = Outcome(len(parcel.rows), 0, parcel.bad, parcel.turned_away)
            _resolve(each.future, outcome)

    def _adopt(self) -> None:
        now = asyncio.get_running_loop().time()
        if self.spool is None or now - self._adopted_at < ADOPT_SECONDS:
            return
        self._adopted_at = now
        if count := self.spool.adopt():
            self._to_drain = None
            log.info("adopted %d spool segments", count)

    @property
    def _may_drain(self) -> bool:
        is_free = self._draining is None and self.is_up
        return is_free and asyncio.get_running_loop().time() >= self._drain_after

    def _has_drained(self, task: "asyncio.Task[None]") -> None:
        self._draining = None
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("draining failed", exc_info=error)
            self._to_drain = None
            self._drain_after = asyncio.get_running_loop().time() + RETRY_SECONDS

    async def _drain_one(self) -> None:
        """Land the next record of the spool; delete a segment that has landed."""
        assert self.spool is not None
        try:
            if self._to_drain is None:
                async with self._spool_lock:
                    segment = self.spool.first()
                    self._to_drain = deque(segment.records() if segment else ())
            if self._to_drain:
                record = self._to_drain[0]
                parcels = await self._wanted(record.parcels)
                self._patience = self._drain_patience
                await self._commit(parcels, record.token)
                self._drain_patience = COMMIT_SECONDS
                self._to_drain.popleft()
                self._metrics.count(
                    "drained_total",
                    sum(len(parcel.rows) + len(parcel.bad) for parcel in record.parcels),
                )
        except Unavailable as problem:
            # It begins again when the warehouse is back; what has landed does not land again.
            log.warning("the warehouse is away: %s", problem)
            if isinstance(problem, _TooSlow):
                self._drain_patience = min(2 * self._drain_patience, DRAIN_SECONDS)
            self._to_drain = None
            self._drain_after = asyncio.get_running_loop().time() + RETRY_SECONDS
            return
        except Unreadable as problem:
            log.error("set aside: %s", problem)
            async with self._spool_lock:
                self.spool.set_first_aside()
            return
        finally:
            self._patience = COMMIT_SECONDS
        if not self._to_drain:
            async with self._spool_lock:
                self._to_drain = None
                self.spool.drop_first()

    def _as_stored(self, parcels: list[Parcel]) -> list[Parcel]:
        return [self._privacy.as_stored(each) for each in parcels] if self._privacy else parcels

    async def _wanted(self, parcels: list[Parcel]) -> list[Parcel]:
        """What waited, as the privacy settings of now leave it."""
        if self._privacy is None:
            return parcels
        privacy = await self._privacy.must_be_known()
        return [privacy.looked_at_again(each) for each in parcels]

    # Transactions

    async def _commit(self, parcels: list[Parcel], token: uuid.UUID) -> list[Outcome]:
        """Outcomes of parcels that are durable now, all of them in one transaction."""
        try:
            try:
                return await self._transaction(parcels, token)
            except psycopg.Error as error:
                if not landing.is_data_fault(error):
                    raise
            storable = await self._with_refused_apart(parcels)
            try:
                return await self._transaction(storable, token)
            except psycopg.Error as error:
                if not landing.is_data_fault(error):
                    raise
                # Each call passes alone and all together do not: rather all of them kept apart
                # than a group that can never land.
                kept = [
                    each.without([_refused(row, error) for row in each.rows]) for each in storable
                ]
            return await self._transaction(kept, token)
        except psycopg.Error as error:
            raise Unavailable(_one_line(error)) from None

    async def _with_refused_apart(self, parcels: list[Parcel]) -> list[Parcel]:
        """The parcels with every call that Postgres refuses among their bad ones."""
        parcels = self._as_stored(parcels)
        refused: list[list[Bad]] = [[] for _ in parcels]
        suspects = [[(number, row) for number, each in enumerate(parcels) for row in each.rows]]
        while suspects:
            some = suspects.pop()
            error = await self._why_refused(parcels, some)
            if error is None:
                continue
            if len(some) == 1:
                ((number, row),) = some
                refused[number].append(_refused(row, error))
            else:
                middle = len(some) // 2
                suspects += [some[:middle], some[middle:]]
        return [each.without(bad) for each, bad in zip(parcels, refused, strict=True)]

    async def _why_refused(
        self, parcels: list[Parcel], some: list[tuple[int, Row]]
    ) -> psycopg.Error | None:
        tried = [
            replace(parcels[number], rows=[row for _, row in rows], bad=[], replayed=[])
            for number, rows in groupby(some, key=itemgetter(0))
        ]
        for _ in range(TRIES):
            try:
                return await self._ask(lambda connection: landing.why_refused(connection, tried))
            except psycopg.Error as error:
                if not (error.sqlstate or "").startswith(_TRY_AGAIN):
                    raise
        raise Unavailable("Others kept the warehouse from answering.")

    async def _transaction(self, parcels: list[Parcel], token: uuid.UUID) -> list[Outcome]:
        """One transaction, tried again after a deadlock and, once, on a new connection."""
        for _ in range(TRIES):
            try:
                began = time.perf_counter()
                outcomes = await self._ask(
                    lambda connection: landing.land(connection, parcels, token)
                )
                self._metrics.observe("commit_seconds", time.perf_counter() - began)
                self._metrics.observe("commit_calls", sum(len(each.rows) for each in parcels))
                return outcomes
            except psycopg.Error as error:
                if not (error.sqlstate or "").startswith(_TRY_AGAIN):
                    raise
            except _TooSlow:
                raise
            except _Lost:
                # It may have landed after all: then the token says so.
                break
        await self._connect()
        return await self._ask(lambda connection: landing.land(connection, parcels, token))

    async def _ask(self, question: Callable[[psycopg.AsyncConnection], Awaitable[_T]]) -> _T:
        """Ask Postgres, in bounded time. Raises `_Lost` when the connection did not survive it."""
        connection = self._connection
        if connection is None:
            raise _Lost("There is no connection.")
        task = asyncio.ensure_future(question(connection))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done:
            # Cancelling may take as long as the answer: that is waited for by nobody.
            self._tasks.add(task)
            task.add_done_callback(self._forget)
            task.cancel()
            self._give_up(connection)
            raise _TooSlow(f"Postgres did not answer within {self._patience:g} seconds.")
        try:
            return task.result()
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self._give_up(connection)
                raise _Lost(_one_line(error)) from None
            raise

    # The connection

    def _give_up(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = None
        self._lost_pid = self._pid
        closing = asyncio.ensure_future(connection.close())
        self._tasks.add(closing)
        closing.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def _connect(self) -> None:
        """Have a connection. Raises `Unavailable`."""
        async with self._connect_lock:
            if not self.is_up:
                await self._connect_anew()

    async def _connect_anew(self) -> None:
        try:
            connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, application_name=self._name, connect_timeout=3
            )
            landing.prepare(connection)
            if self._lost_pid is not None:
                # A transaction whose client has gone may still commit: end it before asking.
                await connection.execute(
                    "select pg_terminate_backend(pid, 3000) from pg_stat_activity "
                    "where pid = %s and application_name = %s",
                    [self._lost_pid, self._name],
                )
                self._lost_pid = None
            if self._before_use is not None:
                await self._before_use()
                self._before_use = None
        except (psycopg.Error, ServiceError) as error:
            raise Unavailable(_one_line(error)) from None
        self._connection = connection
        self._pid = connection.info.backend_pid

    def _reconnect(self) -> None:
        """Try to connect beside the loop, so that nobody waits for a warehouse that is away."""
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._reconnecting(), name="reconnect")

    async def _reconnecting(self) -> None:
        while not self.is_up:
            try:
                await self._connect()
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
        log.info("the warehouse is back: draining %d bytes", self.spool.bytes if self.spool else 0)
        self._wake.set()


def now() -> datetime:
    """The time that is stamped on what arrives."""
    return datetime.now(UTC)


def _refused(row: Row, error: psycopg.Error) -> Bad:
    detail = error.diag.message_primary or type(error).__name__
    reason = "number_out_of_range" if error.sqlstate == "22003" else "not_storable"
    return Bad(
        row.place, reason, detail, row.payload.decode(), None, row.message_id.decode(),
        row.rules.decode(),
    )  # fmt: skip


def _resolve(future: "asyncio.Future[Outcome]", result: Outcome | Exception) -> None:
    if future.done():  # the client left
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
