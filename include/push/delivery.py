"""Sending one model's plan, or a part of it: several connections, exact accounting per batch."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial

import psycopg

from include.connections import Destination
from include.push import ledger
from include.push.batches import cut, read_sizes
from include.push.ledger import Failure, Range
from include.push.sending import Accepted, DeliveryOptions, Refused, Sender, Unknown
from include.warehouse.pace import Pace
from include.warehouse.session import Session

# After so many batches in a row without an answer nobody is there: the rest stays unsent.
GIVE_UP_AFTER = 3

# How long a cancelled run waits for the answers to batches on their way, in seconds. One that comes
# later finds the run closed: its objects count as of unknown outcome, and go again under their ids.
CANCEL_PATIENCE = 4.0


@dataclass
class Counts:
    """What became of the objects that this call was to send."""

    synced: int = 0
    errors: int = 0
    # why sending stopped before the end, if it did
    stopped_because: str | None = None


class Delivery:
    """Sends positions `first` to `last` of one model's plan; used once."""

    def __init__(
        self, url: str, to: Destination, sender: Sender, part: Range, options: DeliveryOptions
    ) -> None:
        self._url = url
        self._to = to
        self._sender = sender
        self._part = part
        self._connections = sender.connections or options.connections
        self._pace = Pace(url, to.destination, None if sender.connections else options.rate)
        self._stopped = threading.Event()
        self._counting = threading.Lock()
        self._reading = threading.Lock()
        self._silent = 0
        # of this process's own clock: when a cancelled run stops waiting for answers
        self._waits_until: float | None = None
        self.counts = Counts()

    def run(self, on_tick: Callable[[], None] = lambda: None, every: float = 10.0) -> Counts:
        """Send everything; calls `on_tick` at least each `every` seconds from this thread.

        Raises `ClaimLostError` when the run was closed, `ServiceError` when Postgres stays away.
        """
        batches = self._batches()
        with self._pace:
            senders = {self._start(batches) for _ in range(self._connections)}
            try:
                self._watch(senders, on_tick, every)
            finally:
                self._stopped.set()
                _, late = wait(senders, self._patience_left())
        if not late:
            batches.close()
        return self.counts

    @property
    def is_cancelled(self) -> bool:
        """Stopped because somebody asked for it."""
        return self._waits_until is not None

    def cancel(self) -> None:
        """Send no further batch; those on their way have a few seconds."""
        if self._waits_until is None:
            self._waits_until = time.monotonic() + CANCEL_PATIENCE
            self.stop("cancelled")

    def stop(self, why: str) -> None:
        """Send no further batch; those on their way are waited for."""
        with self._counting:
            self.counts.stopped_because = self.counts.stopped_because or why
        self._stopped.set()

    def _start(self, batches: Generator[Range, None, None]) -> Future:
        """A sender; its thread holds up no process that has done with it."""
        future: Future = Future()

        def work() -> None:
            try:
                self._work(batches)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)

        threading.Thread(target=work, name="push", daemon=True).start()
        return future

    def _patience_left(self) -> float | None:
        """Seconds to wait for the senders; None: as long as they take."""
        if self._waits_until is None:
            return None
        return max(self._waits_until - time.monotonic(), 0)

    def _watch(self, running: set[Future], on_tick: Callable[[], None], every: float) -> None:
        last_tick = time.monotonic()
        while running and self._patience_left() != 0:
            done, running = wait(running, timeout=every, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
            if time.monotonic() - last_tick >= every:
                last_tick = time.monotonic()
                on_tick()

    def _work(self, batches: Generator[Range, None, None]) -> None:
        with Session(self._url) as session:
            try:
                while not self._stopped.is_set():
                    with self._reading:
                        batch = next(batches, None)
                    if batch is None:
                        return
                    self._deliver(session, batch)
            except BaseException:
                self._stopped.set()
                raise

    def _deliver(self, session: "Session", batch: Range, *, is_after_silence: bool = False) -> None:
        """`is_after_silence`: a batch that it is a half of may have been taken."""
        self._pace.wait_for(batch.count, self._stopped)
        if self._stopped.is_set():
            return
        rows = session.run(lambda connection: ledger.mark_sent(connection, batch))
        if rows is None:
            self.cancel()
            return
        outcome = self._sender.send(batch, rows, pace=self._pace, stopped=self._stopped)
        if isinstance(outcome, Accepted):
            failures = [
                Failure(batch.first + index, each.code, each.message)
                for index, each in sorted(outcome.rejected.items())
            ]
            has_user_ids = self._to.kind == "segment"
            self._count(
                *session.run(
                    lambda connection: ledger.acknowledge(
                        connection, batch, failures, has_user_ids=has_user_ids
                    )
                )
            )
            self._silent = 0
        elif isinstance(outcome, Unknown):
            self._leave_unknown(session, batch, outcome)
        elif outcome.is_content and batch.count > 1:
            session.run(lambda connection: ledger.forget_sent(connection, batch))
            for half in batch.halves():
                self._deliver(
                    session, half, is_after_silence=is_after_silence or outcome.is_after_silence
                )
        elif is_after_silence or outcome.is_after_silence:
            maybe = f"{outcome.message}; an earlier try had no answer, so it may be there"
            self._count_unknown(session, batch, outcome.code, maybe)
            self._stop_unless_content(outcome)
        else:
            self._refuse(session, batch, outcome)

    def _count_unknown(self, session: "Session", batch: Range, code: str, message: str) -> None:
        self._count(
            0,
            session.run(lambda connection: ledger.leave_unknown(connection, batch, code, message)),
        )

    def _leave_unknown(self, session: "Session", batch: Range, outcome: Unknown) -> None:
        self._count_unknown(session, batch, outcome.code, outcome.message)
        self._silent += 1
        if self._silent >= GIVE_UP_AFTER:
            self.stop(f"{self._to.kind.title()} does not answer: {outcome.message}")

    def _refuse(self, session: "Session", batch: Range, outcome: Refused) -> None:
        failures = [
            Failure(position, outcome.code, outcome.message)
            for position in range(batch.first, batch.last + 1)
        ]
        self._count(0, session.run(lambda connection: ledger.refuse(connection, batch, failures)))
        self._stop_unless_content(outcome)

    def _stop_unless_content(self, outcome: Refused) -> None:
        if not outcome.is_content:
            # A wrong key or host: nothing else would be taken either.
            self.stop(outcome.message)

    def _count(self, synced: int, errors: int) -> None:
        with self._counting:
            self.counts.synced += synced
            self.counts.errors += errors

    def _batches(self) -> Generator[Range, None, None]:
        """The part's rows that have no outcome yet, cut to batches; read under one lock."""
        with Session(self._url) as session:
            for gap in self._gaps(session):
                for first, last in cut(self._sizes(session, *gap), self._sender):
                    yield Range(self._part.run_id, self._part.model, first, last)

    def _gaps(self, session: "Session") -> list[tuple[int, int]]:
        """Ranges of positions without an outcome: after an interruption, not all of them.

        What was sent then is a range of its own: it goes again as the batch that it was, or, where
        a repeat is not harmless, counts as of unknown outcome.
        """
        part = self._part
        gaps, position = [], part.first
        for first, last, is_sent in session.run(
            lambda connection: ledger.known_batches(connection, part)
        ):
            gaps.append((position, first - 1))
            if is_sent and self._sender.may_repeat:
                gaps.append((first, last))
            elif is_sent:
                batch = replace(part, first=first, last=last)
                self._count(0, session.run(partial(_give_up, batch=batch)))
            position = last + 1
        gaps.append((position, part.last))
        return [(first, last) for first, last in gaps if first <= last]

    def _sizes(self, session: "Session", first: int, last: int) -> Iterator[tuple[int, int]]:
        """Position and bytes of the rows from `first` to `last`."""
        while first <= last:
            page = Range(self._part.run_id, self._part.model, first, last)
            rows = session.run(partial(read_sizes, part=page))
            yield from rows
            if not rows:
                return
            first = rows[-1][0] + 1


def _give_up(connection: psycopg.Connection, batch: Range) -> int:
    return ledger.leave_unknown(
        connection, batch, "outcome_unknown",
        "it was sent, and its process ended before the answer was recorded",
    )  # fmt: skip
