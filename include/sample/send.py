"""Send the sample's calls with the real Segment client, and know exactly what arrived.

The client's queue drops what does not fit and only says so in its return value, forgets what is
not flushed, and waits hours for a host that is away. So: a queue as long as the calls, each return
value looked at, every refused batch counted through `on_error`, bounded retries, and one thread
(the client joins only the last of several).
"""

import logging
import queue
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from segment.analytics import Client
from segment.analytics.request import APIError

from include.errors import ServiceError
from include.sample.calls import AnyCall, Call, RawCall

# Calls a batch; about 150 KB of Segment's 500.
BATCH = 250
_PROGRESS_SECONDS = 2.0
# Answers after which no other batch can succeed either.
_HOPELESS = frozenset({401, 403, 404})


@dataclass(frozen=True)
class SendReport:
    """planned = delivered + failed. Delivered: in a batch that was answered with 200."""

    planned: int
    delivered: int
    # (message id, reason) of each call that was not delivered
    failed: tuple[tuple[str, str], ...]
    seconds: float

    def __str__(self) -> str:
        text = f"{self.delivered:,} of {self.planned:,} calls delivered in {self.seconds:.1f} s"
        if self.failed:
            text += f", {len(self.failed):,} failed, the first: {': '.join(self.failed[0])}"
        return text

    def raise_if_incomplete(self) -> None:
        """Raises `ServiceError` with the counts when a call was not delivered."""
        if self.failed:
            raise ServiceError(f"Not every call of the sample was delivered: {self}.")


def send(
    host: str,
    write_key: str,
    calls: Sequence[AnyCall],
    *,
    tenant_token: str | None = None,
    say: Callable[[str], None] = print,
) -> SendReport:
    """Send all calls to `host` (http://127.0.0.1:8100) under a source's write key.

    What the library would refuse to build is posted as it stands; the partner form needs the
    tenant token. `say` gets a line at least every few seconds. Sending again is harmless: ids and
    times are the same. Raises `ServiceError` when nothing listens at the host.
    """
    _check_reachable(host)
    begun = time.monotonic()
    by_library = [call for call in calls if isinstance(call, Call)]
    failed = _Delivery(host, write_key, by_library, say).run()
    raw = [call for call in calls if isinstance(call, RawCall)]
    failed += _post_raw(host, write_key, tenant_token, raw)
    report = SendReport(
        len(calls), len(calls) - len(failed), tuple(failed), time.monotonic() - begun
    )
    say(str(report))
    return report


def _check_reachable(host: str) -> None:
    parts = urlsplit(host)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError as error:
        why = error.strerror or error
        raise ServiceError(f"Nothing answers at {host} ({why}): is the collector up?") from None


class _Delivery:
    """The library's own queue and thread, watched."""

    def __init__(
        self, host: str, write_key: str, calls: Sequence[Call], say: Callable[[str], None]
    ) -> None:
        self.calls = calls
        self.say = say
        self.failed: list[tuple[str, str]] = []
        # Why the rest is not worth trying; set by the client's thread.
        self.hopeless: str | None = None
        self.last_said = time.monotonic()
        self.client = Client(
            write_key,
            host=host,
            max_queue_size=len(calls) + BATCH,
            upload_size=BATCH,
            upload_interval=0.2,
            gzip=True,
            timeout=15,
            max_retries=4,
            max_total_backoff_duration=30,
            max_rate_limit_duration=60,
            on_error=self._on_error,
            # Without a handler of its own the library's log goes to stderr, a line a batch.
            log_handler=logging.NullHandler(),
        )

    def run(self) -> list[tuple[str, str]]:
        """Send everything; return what failed."""
        try:
            for call in self.calls:
                if self.hopeless:
                    self.failed.append((call.message_id, self.hopeless))
                    continue
                self._enqueue(call)
                self._progress()
            while self.client.queue.unfinished_tasks:
                if self.hopeless:
                    self._drain()
                self._progress()
                time.sleep(0.02)
            self.client.flush()
        finally:
            self.client.join()
        return self.failed

    def _enqueue(self, call: Call) -> None:
        try:
            is_queued, _ = getattr(self.client, call.type)(**call.arguments())
        except AssertionError as error:
            # Its text ends with the value, which may be a person's.
            self.failed.append((call.message_id, f"refused: {str(error).split(', got')[0]}"))
            return
        except RuntimeError:
            # Its text is the whole call.
            self.failed.append((call.message_id, "refused: larger than 32 KB"))
            return
        if not is_queued:
            self.failed.append((call.message_id, "the client's queue was full"))

    def _on_error(self, error: Exception, batch: list[dict[str, Any]]) -> None:
        # In the client's thread, which an exception from here would end.
        status = error.status if isinstance(error, APIError) else None
        reason = f"answered {status}" if status else f"{type(error).__name__} after retries"
        self.failed += [(str(message.get("messageId")), reason) for message in batch]
        if status is None or status in _HOPELESS:
            self.hopeless = f"not tried: a batch before it failed ({reason})"

    def _drain(self) -> None:
        while True:
            try:
                message = self.client.queue.get_nowait()
            except queue.Empty:
                return
            self.failed.append((str(message.get("messageId")), str(self.hopeless)))
            self.client.queue.task_done()

    def _progress(self) -> None:
        if time.monotonic() - self.last_said < _PROGRESS_SECONDS:
            return
        self.last_said = time.monotonic()
        waiting = self.client.queue.qsize()
        self.say(f"  sending: {waiting:,} of {len(self.calls):,} calls wait in the client's queue")


def _post_raw(
    host: str, write_key: str, tenant_token: str | None, calls: Sequence[RawCall]
) -> list[tuple[str, str]]:
    """Post what the library would not build; return what failed."""
    failed: list[tuple[str, str]] = []
    in_batch = [call for call in calls if call.path == "/v1/batch"]
    # One retry covers a connection that was closed while idle.
    with httpx.Client(base_url=host, timeout=15, transport=httpx.HTTPTransport(retries=1)) as http:
        for start in range(0, len(in_batch), BATCH):
            part = in_batch[start : start + BATCH]
            body = {"batch": [dict(call.body) for call in part]}
            failed += _post(http, "/v1/batch", write_key, body, part)
        for call in calls:
            if call.path != "/v1/batch":
                if tenant_token is None:
                    failed.append((call.message_id, f"{call.path} needs a tenant token"))
                else:
                    failed += _post(http, call.path, tenant_token, dict(call.body), [call])
    return failed


def _post(
    http: httpx.Client, path: str, key: str, body: dict[str, Any], calls: Sequence[RawCall]
) -> list[tuple[str, str]]:
    try:
        answer = http.post(path, json=body, auth=(key, ""))
    except httpx.HTTPError as error:
        return [(call.message_id, type(error).__name__) for call in calls]
    if answer.status_code != 200:
        return [(call.message_id, f"answered {answer.status_code}") for call in calls]
    return _quarantined(answer, calls)


def _quarantined(answer: httpx.Response, calls: Sequence[RawCall]) -> list[tuple[str, str]]:
    """What our own collector says it put aside; any other host says nothing about it."""
    try:
        refused = answer.json().get("quarantined", [])
    except (ValueError, AttributeError):
        return []
    return [(calls[each["index"]].message_id, f"quarantined: {each['reason']}") for each in refused]
