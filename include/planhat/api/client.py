"""Talks to Planhat: at the pace that it allows, again where that can help, parsed before it raises.

One clock for all who use the token, wherever they run (`sync.pace`); bulk calls one after another.
What is asked for comes as bytes or parsed JSON; what a number or a field means is others' to say.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from include import unreachable
from include.connections import PlanhatConnection
from include.planhat.api.answers import AFTER_SILENCE, Quota, Upserted, quota_of, refusal, upserted
from include.planhat.api.errors import (
    NotThereError,
    OutcomeUnknownError,
    PlanhatAwayError,
    PlanhatError,
)
from include.warehouse.connection import connect
from include.warehouse.pace import Pace

# It says each request with its address, and a sink's address holds the tenant's token.
logging.getLogger("httpx").setLevel(logging.WARNING)

# Rows of a bulk call, and bytes of a sink's body.
BULK_ROWS = 5_000
SINK_BYTES = 32_000_000
# Of a page of a list that is read whole, and of one of metrics; fewer may come.
ROWS = 2_000
METRIC_ROWS = 10_000

Params = Mapping[str, str | int]
Result = TypeVar("Result")
# What a repeat does: nothing more, or everything twice.
Repeat = Literal["harmless", "never"]


@dataclass(frozen=True)
class ClientOptions:
    """How patient a client is. Seconds throughout."""

    # 200 a minute are allowed, to all who have the token
    calls_per_second: float | None = 3.0
    # a large page may take a minute
    timeout: float = 180.0
    attempts: int = 8
    # after a 429 that does not say when to come back; then twice as long each time
    throttled_wait: float = 15.0
    longest_throttled_wait: float = 120.0
    # after a fault: anything up to so long, then twice as long each time
    failed_wait: float = 2.0
    longest_failed_wait: float = 120.0


class StoppedError(PlanhatError):
    """Somebody asked for it."""


class Client:
    """One tenant's API; used with `with`. Several threads may share it."""

    def __init__(
        self,
        connection: PlanhatConnection,
        url: str,
        options: ClientOptions = ClientOptions(),
        *,
        stopped: threading.Event | None = None,
    ) -> None:
        """`url`: the warehouse, where the clock is. `stopped` ends every wait."""
        self.connection = connection
        self.options = options
        self.calls = 0
        self.quota = Quota()
        self._url = url
        self._stopped = stopped or threading.Event()
        self._pace = Pace(url, connection.quota_name, options.calls_per_second)
        self._http = httpx.Client(timeout=options.timeout, headers={"Accept": "application/json"})

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self._http.close()
        self._pace.__exit__()

    # Reading

    def page(self, path: str, params: Params) -> list[msgspec.Raw]:
        """The rows of a list, each as it came. A 200 that is no list is asked again.

        Raises `OddAnswerError` where it stays so, and what `get` raises.
        """
        return self._read(path, params, _rows)

    def get(self, path: str, params: Params | None = None) -> Any:
        """Parsed JSON. Raises `RefusedError`, `OddAnswerError` or `PlanhatAwayError`."""
        return self._read(
            path, params or {}, lambda response: msgspec.json.decode(response.content)
        )

    def object(self, path: str, word: str) -> bytes | None:
        """One object as it came, by `_id`, `extid-…` or `srcid-…`; None when there is none."""
        try:
            return self._read(f"{path}/{word}", {}, _object, name=f"{path}/…")
        except NotThereError:
            return None

    def response(self, path: str, params: Params) -> httpx.Response:
        """The answer as it is, for who wants to know its status and headers."""
        return self._send("GET", self._main(path), path, params=params, repeat="harmless")

    # Writing

    def upsert(
        self, path: str, rows: Sequence[Mapping[str, Any]], *, repeat: Repeat = "harmless"
    ) -> Upserted:
        """A bulk upsert: what became of each row, also of those that were refused (400, 403).

        Sent again after a lost answer: it finds what it made by its keys, unless a row has none
        (`repeat` never). Raises `RefusedError` where no row was looked at, `PlanhatAwayError` or
        `OutcomeUnknownError` when it stays without an answer.
        """
        assert len(rows) <= BULK_ROWS
        with self._turn():
            response = self._send(
                "PUT", self._main(path), path, content=msgspec.json.encode(rows), repeat=repeat
            )
        answer = upserted(response)
        if answer is None:
            raise refusal(response, self.connection.place, path)
        return answer

    def create(self, path: str, item: Mapping[str, Any]) -> None:
        """Make one object, where two do no harm: it is sent again after a lost answer."""
        response = self._send(
            "POST", self._main(path), path, content=msgspec.json.encode(item), repeat="harmless"
        )
        if not response.is_success:
            raise refusal(response, self.connection.place, path)

    def delete(self, path: str, identifier: str) -> None:
        """Delete one object by its `_id`, again after a lost answer: it is gone once.

        Gone before is no error. An answer says little: look. Raises `RefusedError`,
        `PlanhatAwayError`.
        """
        name = f"{path}/…"
        response = self._send("DELETE", self._main(f"{path}/{identifier}"), name, repeat="harmless")
        if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
            raise refusal(response, self.connection.place, name)

    def rows(self, path: str, params: Params | None = None) -> Iterator[dict[str, Any]]:
        """The objects of a list that nobody changes meanwhile, page after page, to an empty one.

        Rows that are no objects are passed over. As many calls as `calls_of_rows` says. Raises
        what `page` raises.
        """
        offset = 0
        asked = {"sort": "_id", "limit": ROWS, **(params or {})}
        while page := self.page(path, {**asked, "offset": offset}):
            offset += len(page)
            yield from (row for row in map(msgspec.json.decode, page) if isinstance(row, dict))

    def dimensions(self, dimension: str, first_day: int, last_day: int) -> Iterator[dict[str, Any]]:
        """What Planhat has of a metric, days counted since 1970-01-01, both included."""
        asked: Params = {
            "dimid": dimension, "from": first_day, "to": last_day, "limit": METRIC_ROWS,
        }  # fmt: skip
        return self.rows("dimensiondata", asked)

    def metrics(self, items: Sequence[Mapping[str, Any]], *, repeat: Repeat) -> list[Any]:
        """Hand metrics to their sink; what it says of those that are written wrong.

        A good answer says nothing about the others. Raises `OutcomeUnknownError` when the answer
        was lost and a repeat is not harmless (sums).
        """
        response = self._to_sink("dimensiondata", items, repeat)
        body = _parsed(response)
        errors = body.get("errors") if isinstance(body, dict) else None
        return errors if isinstance(errors, list) else []

    def activities(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Hand activities to their sink, once: no key makes a repeat harmless. Raises
        `OutcomeUnknownError` when the answer was lost."""
        self._to_sink("analytics/bulk", items, "never")

    # The wire

    def _main(self, path: str) -> str:
        return f"{self.connection.host}/{path}"

    def _to_sink(
        self, path: str, items: Sequence[Mapping[str, Any]], repeat: Repeat
    ) -> httpx.Response:
        content = msgspec.json.encode(items)
        assert len(content) <= SINK_BYTES
        address = f"{self.connection.analytics_host}/{path}/{self.connection.sink_token}"
        response = self._send("POST", address, path, content=content, repeat=repeat, is_sink=True)
        if not response.is_success:
            raise refusal(response, self.connection.place, path)
        return response

    def _read(
        self, path: str, params: Params, parse: Callable[[httpx.Response], Result],
        *, name: str | None = None,
    ) -> Result:  # fmt: skip
        """An answer, parsed; asked again where it is good and cannot be."""
        for attempt in range(self.options.attempts):
            response = self._send(
                "GET", self._main(path), name or path, params=params, repeat="harmless"
            )
            if not response.is_success:
                raise refusal(response, self.connection.place, name or path)
            try:
                return parse(response)
            except msgspec.DecodeError:
                if attempt + 1 < self.options.attempts:
                    self._wait(self._after_failure(attempt))
        raise refusal(response, self.connection.place, name or path)

    def _send(
        self, method: str, address: str, name: str, *, repeat: Repeat,
        params: Params | None = None, content: bytes | None = None, is_sink: bool = False,
    ) -> httpx.Response:  # fmt: skip
        """An answer that is no passing fault. Raises `PlanhatAwayError`, `OutcomeUnknownError`."""
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if not is_sink:
            headers["Authorization"] = f"Bearer {self.connection.token}"
        failed = "no answer"
        # a write of which a try had no answer may have been done
        is_silent = False
        try:
            for attempt in range(self.options.attempts):
                self._pace.wait_for(0 if is_sink else 1, self._stopped)  # sinks are under no quota
                if self._stopped.is_set():
                    raise StoppedError("The read or push of Planhat was stopped.")
                self.calls += 1
                try:
                    response = self._http.request(
                        method, address, params=params, content=content, headers=headers
                    )
                except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                    failed = f"no connection ({_why(error)})"
                except httpx.HTTPError as error:
                    failed = f"the answer was lost ({_why(error)})"
                    is_silent = self._may_be_done(method, repeat, name, failed)
                else:
                    self._obey(response, attempt)
                    if response.status_code == 429:
                        failed = "too many requests (429), each time"
                        continue
                    if response.status_code < 500:
                        if is_silent:
                            response.extensions[AFTER_SILENCE] = True
                        return response
                    failed = f"it fails ({response.status_code})"
                    is_silent = self._may_be_done(method, repeat, name, failed)
                if attempt + 1 < self.options.attempts:
                    self._wait(self._after_failure(attempt))
            raise PlanhatAwayError(
                f"{self.connection.place} does not answer for {name}: {failed}. Try again later."
            )
        except PlanhatError as error:
            error.is_after_silence = is_silent
            raise

    def _may_be_done(self, method: str, repeat: Repeat, name: str, why: str) -> bool:
        """Whether what had no answer is a write. Raises `OutcomeUnknownError` of one that must not
        be sent again.
        """
        if repeat == "never":
            raise OutcomeUnknownError(f"{name}: {why}; whether it was done is not known.")
        return method != "GET"

    def _obey(self, response: httpx.Response, attempt: int) -> None:
        """Let nobody call before the quota begins anew, where the answer says it is used up."""
        quota = quota_of(response.headers)
        if quota.limit is not None:
            self.quota = quota
        if response.status_code == 429:
            options = self.options
            unsaid = min(options.throttled_wait * 2**attempt, options.longest_throttled_wait)
            self._pace.pause(quota.reset if quota.reset is not None else unsaid)
        elif quota.remaining == 0:
            self._pace.pause(
                quota.reset if quota.reset is not None else self.options.throttled_wait
            )

    def _after_failure(self, attempt: int) -> float:
        options = self.options
        longest = min(options.failed_wait * 2**attempt, options.longest_failed_wait)
        return random.uniform(longest / 2, longest)  # noqa: S311

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise StoppedError("The read or push of Planhat was stopped.")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Bulk calls go one after another, whoever makes them."""
        lock = "hashtext('planhat-segment bulk ' || %s)"
        with connect(self._url, application_name="planhat bulk", autocommit=True) as connection:
            connection.execute(f"select pg_advisory_lock({lock})", [self.connection.quota_name])
            yield


def calls_of_rows(rows: int, page: int = ROWS) -> int:
    """How many calls `Client.rows` makes for so many: the pages, and the empty one behind them."""
    return -(-rows // page) + 1


def _rows(response: httpx.Response) -> list[msgspec.Raw]:
    return msgspec.json.decode(response.content, type=list[msgspec.Raw])


def _object(response: httpx.Response) -> bytes:
    msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    return response.content


def _parsed(response: httpx.Response) -> Any:
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return None


def _why(error: httpx.HTTPError) -> str:
    """In words, without the address: it may hold a token."""
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return unreachable.why(error)
