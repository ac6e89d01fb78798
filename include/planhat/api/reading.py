"""Read all of Planhat through its API into the warehouse.

Model after model: the passes over its list, what they did not list asked for one by one, and then
all of it written in one transaction, while the next model is read. A model that cannot be read says
so, and costs no other.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg

from include.connections import PlanhatConnection
from include.errors import BusyError, ServiceError
from include.nearest import refuse_unknown
from include.planhat.api.asking import ask
from include.planhat.api.client import Client, ClientOptions
from include.planhat.api.errors import OddAnswerError, RefusedError, TokenError
from include.planhat.api.fields import select_of
from include.planhat.api.findings import Findings, known
from include.planhat.api.kept import Kept
from include.planhat.api.pages import next_page
from include.planhat.deletions import Answers, Deletions
from include.planhat.models import MODELS, Model
from include.planhat.objects import ModelRead, write_model
from include.planhat.reading import SILENCE
from include.planhat.report import ReadReport, Unread, say_read
from include.warehouse.connection import connect

_LOCK = "select pg_try_advisory_lock(hashtext('planhat-segment read'))"
# What is out of sight unless it is asked for: a pass of its own after the others. Sorted by name,
# the passes follow each other in time.
_HIDDEN = {"enduser": "archived", "task": "isArchived"}

Say = Callable[[str], None]


def read_api(
    url: str,
    connection: PlanhatConnection,
    *,
    say: Say = print,
    deletions: Deletions = "guarded",
    gone: Collection[str] = (),
    models: Sequence[Model] = MODELS,
    options: ClientOptions = ClientOptions(),  # noqa: B008  frozen
    stopped: threading.Event | None = None,
) -> ReadReport:
    """Read every model; interrupted within the last hour, go on where that was.

    `url` is the warehouse's, `deletions` and `gone` as for `read_folder`; `models` are those to
    read, with any that the customer made. Each model is a transaction. Raises `TokenError` when the
    token is not known, `PlanhatAwayError` when Planhat stays away and `ServiceError` when Postgres
    does (in each case what was read stays, and the next read goes on), `BusyError` when another
    read is under way.
    """
    refuse_unknown(gone, [model.name for model in models], "model")
    with alone(url) as warehouse, Client(connection, url, options, stopped=stopped) as client:
        kept = Kept(url, warehouse, connection.tenant)
        if kept.goes_on_since:
            say(f"going on with the read of {kept.goes_on_since}: {len(kept.done)} models are done")
        reading = _Reading(url, client, kept, known(warehouse, connection.tenant), say)
        try:
            with ThreadPoolExecutor(1) as pool:
                for model in models:
                    if model.name not in kept.done:
                        how: Deletions = "always" if model.name in gone else deletions
                        reading.read(pool, model, how)
            report = reading.report()
        except psycopg.Error as error:
            raise ServiceError(
                f"Postgres stopped the read of Planhat: {str(error).splitlines()[0]}. "
                "What was read before stays; run it again."
            ) from None
        kept.finish()
    return report


class _Reading:
    """One read, model by model."""

    def __init__(self, url: str, client: Client, kept: Kept, findings: Findings, say: Say) -> None:
        self._url = url
        self._findings = findings
        self._client = client
        self._kept = kept
        self._say = say
        self._written: list[Future[ModelRead]] = []
        self._unread: list[Unread] = []

    def read(self, pool: ThreadPoolExecutor, model: Model, deletions: Deletions) -> None:
        """Read a model, and have it written while the next one is read."""
        try:
            for name in ("", *filter(None, [_HIDDEN.get(model.name)])):
                self._pass(model, name)
            # of what somebody has an opinion of, nobody is asked
            answers = ask(self._client, self._kept, model) if deletions == "guarded" else Answers()
        except TokenError:
            raise
        except (RefusedError, OddAnswerError) as error:
            unread = Unread(model.name, str(error), self._kept.has_objects(model))
            self._say(f"! {model.name} is not read: {error}")
            self._unread.append(unread)
            return
        self._written.append(pool.submit(self._write, model, deletions, answers))

    def report(self) -> ReadReport:
        """What was done. Raises what a write raised."""
        reads = [each.result() for each in self._written]
        for read in reads:
            say_read(read, "make planhat", self._say)
        return ReadReport(tuple(reads), unread=tuple(self._unread))

    def _pass(self, model: Model, name: str) -> None:
        """One pass over a model's list, from where it was."""
        params: dict[str, str | int] = {"sort": "_id", "select": select_of(model)}
        if name:
            params[name] = "true"

        page, position = self._kept.position(model, name)
        if page == 0 and (found := self._findings.models.get(model.path)):
            position = replace(position, limit=found.limit)
        count, said = 0, time.monotonic()
        while not position.has_ended:
            rows, position = next_page(
                lambda offset, limit: self._client.page(
                    model.path, {**params, "limit": limit, "offset": offset}
                ),
                position,
            )
            page += 1
            count += len(rows)
            self._kept.keep(model, name, page, rows, position)
            if time.monotonic() - said > SILENCE:
                said = time.monotonic()
                self._say(f"  {model.path}: {count:,} objects so far")

    def _write(self, model: Model, deletions: Deletions, answers: Answers) -> ModelRead:
        origin = f"/{model.path}"
        with connect(self._url, application_name="read planhat", autocommit=True) as connection:
            read = write_model(
                connection, model, origin, self._kept.found(model, origin),
                deletions=deletions, answers=answers,
            )  # fmt: skip
        self._kept.written(model)
        return read


@contextmanager
def alone(url: str) -> Iterator[psycopg.Connection]:
    """A connection that holds the lock of reads. Raises `BusyError` when another one does."""
    with connect(url, application_name="read planhat", autocommit=True) as connection:
        row = connection.execute(_LOCK).fetchone()
        if row is None or not row[0]:
            raise BusyError("Another read of Planhat's API is under way: wait for its end.")
        try:
            yield connection
        finally:
            # A session that is closed keeps its locks for a moment, and the next read may begin.
            with suppress(psycopg.Error):
                connection.execute("select pg_advisory_unlock_all()")
