"""The collector's HTTP: bare ASGI, because for single calls a framework is most of the cost.

What takes calls is in `routes`; everything between the socket and `Intake` is in
`Collector._collect`, in the order in which it happens. What libraries for browsers ask with GET is
in `browser`.
"""

import asyncio
import gc
import logging
import math
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from include import __version__
from include.collector import answers, logs, openapi, pixel, protocol
from include.collector.addresses import Addresses
from include.collector.answers import Answer, Headers
from include.collector.asked import Asked, parameter, plain, said_key
from include.collector.bounds import ASKING_BYTES, STRANGERS_BYTES_A_SECOND, Bounds, Pace
from include.collector.browser import Browser
from include.collector.changed import CHANGE_LIMITS, Marks, read_change
from include.collector.errors import Refused, Unavailable
from include.collector.event import Bad, Envelope, Row, bad, kept_apart, read_wanted
from include.collector.intake import Intake, now
from include.collector.keyring import KEYS_FILE, Key, Keyring
from include.collector.landing import Outcome, Parcel
from include.collector.made_ids import MadeIds
from include.collector.metrics import Metrics
from include.collector.options import Limits, Options
from include.collector.privacy import PrivacySettings
from include.collector.protocol import Calls
from include.collector.rates import Rates
from include.collector.routes import PIXELS, Route, routes
from include.collector.screening import Screen
from include.collector.script import Script
from include.collector.signature import is_signed
from include.collector.sources import WRITE_KEY
from include.collector.spool import Spool
from include.warehouse.migrate import migrate

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("collector")

RETRY_AFTER_SECONDS = 5
# Of a body beyond the limit so much is read, and thrown away, for the client to read why.
BEYOND_BYTES = 2 * 1024 * 1024


class Collector:
    """The ASGI application of one worker process; `shared` is a folder of all workers together."""

    def __init__(self, url: str, options: Options, shared: Path):
        self._options = options
        self._routes = routes(options)
        self._posts: dict[str, Callable[[Scope, Headers, Receive], Awaitable[Answer]]] = {
            path: partial(self._collect, route) for path, route in self._routes.items()
        }
        self._posts["/v1/m"] = self._drop
        self._posts["/planhat/changed"] = self._mark
        self._marks = Marks(url)
        self._openapi = openapi.document(self._routes)
        folder = options.spool_folder
        self._spool = Spool(folder, options.spool_bytes) if folder else None
        self._rates = Rates(shared)
        self._metrics = Metrics(shared)
        self._keyring = Keyring(url, folder / KEYS_FILE if folder else None)
        script = Script(options.analytics_js_folder)
        self._privacy = PrivacySettings(url, folder)
        self._browser = Browser(self._keyring, Addresses(options.public_urls), script)
        self._strangers = Pace(STRANGERS_BYTES_A_SECOND)
        self._asking = 0
        # For the server's connections, which ask the application for it.
        self.bounds = Bounds(
            options.connections,
            lambda reason: self._metrics.count("connections_ended_total", reason=reason),
        )
        # Migrations that could not be applied when the collector started are applied first.
        self._intake = Intake(
            url,
            self._spool,
            metrics=self._metrics,
            before_use=partial(asyncio.to_thread, migrate, url),
            privacy=self._privacy,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        headers: Headers = dict(scope["headers"])
        try:
            answer = await self._answer(scope, headers, receive)
        except Refused as refused:
            answer = answers.refusal(
                refused.status, refused.code, refused.message, refused.retry_after
            )
        except Unavailable:
            message = "Nothing durable can take the calls now."
            answer = answers.refusal(503, "unavailable", message, RETRY_AFTER_SECONDS)
        except _Gone:
            return
        except Exception:
            log.exception("a request failed")
            answer = answers.refusal(500, "failed", "The collector failed; nothing was stored.")
        if answer.status < HTTPStatus.BAD_REQUEST:
            _welcome(scope)
        self._metrics.count("requests_total", status=str(answer.status))
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*answers.allowed_origin(headers), *answer.headers],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        logs.configure()
        _collect_garbage_seldom()
        await self._keyring.start()
        await self._privacy.start()
        await self._intake.start()
        await send({"type": "lifespan.startup.complete"})
        keeping = asyncio.create_task(self._keep_metrics())
        leaving = asyncio.create_task(_leave_with_parent())
        await receive()
        keeping.cancel()
        leaving.cancel()
        await self._intake.stop()
        await self._privacy.stop()
        await self._marks.stop()
        await self._keyring.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep_metrics(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._metrics.keep()

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> Answer:
        path: str = scope["path"]
        method: str = scope["method"]
        post = self._posts.get(path)
        if post is None:
            path = plain(path)
            post = self._posts.get(path)
        if post is not None:
            if method == "POST":
                return await post(scope, headers, receive)
            if method == "OPTIONS":
                return answers.preflight(headers)
            return answers.not_allowed(b"POST, OPTIONS")
        asked = Asked(method, path, headers, scope["query_string"], scope["server"])
        show = self._shown(path)
        if show is None:
            raise answers.not_found()
        if method == "OPTIONS":
            return answers.preflight(headers)
        if method not in ("GET", "HEAD"):
            return answers.not_allowed(b"GET, HEAD, OPTIONS")
        return await show(asked)

    def _shown(self, path: str) -> Callable[[Asked], Awaitable[Answer]] | None:
        """What answers a GET of this path."""
        if path == "/health":
            return self._health
        if path == "/metrics":
            return self._figures
        if path == "/openapi.json":
            return self._document
        if path in PIXELS:
            return self._pixel
        return self._browser.route(path)

    # Taking calls

    async def _collect(
        self, route: Route, scope: Scope, headers: Headers, receive: Receive
    ) -> Answer:
        said = said_key(headers, scope["query_string"])
        key = await self._keyring.find(said) if said is not None else None
        if key is not None:
            _welcome(scope)
        if key is None and route.has_key_in_head:
            raise answers.unauthorized()  # before its body is kept
        pace = self._strangers if key is None else None
        body = await self._body(route.limits, headers, receive, pace)
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if pace is not None and encoding:
            await pace.wait(len(body))
        calls = _read(body, encoding, route, pace)
        if key is None and calls.write_key is not None:
            key = self._keyring.known(calls.write_key)
            if key is None:
                said = calls.write_key
                del calls  # while it is looked for, no more is kept than what was sent
                key = await self._ask(said, len(body))
                calls = _read(body, encoding, route)
        if key is None or key.kind not in route.key_kinds:
            raise answers.unauthorized()
        if route.is_signed:
            _check_signature(calls, key, headers)
        self._check_rate(key, len(calls.items))
        parcel = _parcel(calls, key.source, route.limits, self._privacy.screen(key.source))
        del body, calls  # what waits to land is bounded as a parcel
        return answers.landed(await self._land(parcel))

    async def _ask(self, said: str, size: int) -> Key:
        """The source of a key that a body named and that is not known yet. Raises `Refused`, also
        when too much waits for such an answer: by then the key may be known."""
        if self._asking + size > ASKING_BYTES:
            raise Unavailable("Too many ask with keys that are not known.")
        self._asking += size
        try:
            key = await self._keyring.find(said)
        finally:
            self._asking -= size
        if key is None:
            raise answers.unauthorized()
        return key

    def _check_rate(self, key: Key, calls: int) -> None:
        if wait := self._rates.wait(key.source, calls, key.calls_per_second):
            raise Refused(429, "too_many", "The source sends too many calls.", math.ceil(wait))

    async def _land(self, parcel: Parcel) -> Outcome:
        if not parcel.rows and not parcel.bad and not parcel.turned_away:
            return Outcome(0, 0, [])
        outcome = await self._intake.land(parcel)
        self._count(parcel, outcome)
        return outcome

    async def _pixel(self, asked: Asked) -> Answer:
        """Land the call of an image's address. The image is all that a reader sees, also of a
        fault; whether it was our fault stands in the status."""
        if asked.method == "HEAD":  # somebody looks whether there is an image
            return pixel.image()
        kind = asked.path.rpartition("/")[2]
        found = pixel.read(parameter(asked.query, "data") or "")
        said = asked.key() or pixel.write_key(found.call)
        try:
            key = await self._keyring.find(said) if said else None
            if key is None or key.kind != WRITE_KEY:
                self._metrics.count("pixels_refused_total")
                return pixel.image()
            self._check_rate(key, 1)
            limits, screen = self._options.limits, self._privacy.screen(key.source)
            await self._land(_pixel_parcel(found, kind, key.source, limits, screen))
        except Refused as refused:
            return pixel.image(refused.status)
        return pixel.image()

    async def _drop(self, scope: Scope, headers: Headers, receive: Receive) -> Answer:
        """Take what analytics.js tells its makers about itself, and keep nothing of it."""
        await self._body(self._options.limits, headers, receive)
        self._metrics.count("library_metrics_total")
        return answers.as_json(200, b'{"success":true}')

    async def _mark(self, scope: Scope, headers: Headers, receive: Receive) -> Answer:
        """Mark an object that changed in Planhat. The key is in the head, always."""
        said = said_key(headers, scope["query_string"])
        key = await self._keyring.find(said) if said is not None else None
        if key is None or key.kind != WRITE_KEY:
            raise answers.unauthorized()
        _welcome(scope)
        self._check_rate(key, 1)
        change = read_change(await self._body(CHANGE_LIMITS, headers, receive))
        if not await self._marks.mark(key.source, change):
            raise answers.unauthorized()  # a product's key
        self._metrics.count("planhat_changes_total", source=key.source)
        return answers.as_json(200, b'{"success":true}')

    def _count(self, parcel: Parcel, outcome: Outcome) -> None:
        metrics, source = self._metrics, parcel.source
        calls = len(parcel.rows) + len(parcel.bad) + parcel.turned_away
        metrics.observe("request_calls", calls)
        metrics.count("received_total", calls, source=source)
        metrics.count("accepted_total", outcome.accepted, source=source)
        metrics.count("duplicates_total", outcome.duplicates, source=source)
        metrics.count("turned_away_total", outcome.turned_away, source=source)
        for each in outcome.quarantined:
            metrics.count("quarantined_total", source=source, reason=each.reason)

    async def _body(
        self, limits: Limits, headers: Headers, receive: Receive, pace: Pace | None = None
    ) -> bytes:
        message = await receive()
        if not message.get("more_body"):
            body = message.get("body", b"")
            if len(body) > limits.body_bytes:
                raise protocol.too_large(limits)
            return body
        try:
            async with asyncio.timeout(self._options.connections.seconds):
                return await _whole_body(message, limits, receive, pace)
        except TimeoutError:
            raise Refused(408, "too_slow", "The body did not arrive in time.") from None

    # Watching

    async def _document(self, asked: Asked) -> Answer:
        return answers.as_json(200, self._openapi)

    async def _figures(self, asked: Asked) -> Answer:
        spooled = self._spool.shared_bytes if self._spool else 0
        text = self._metrics.text(spool_bytes=spooled)
        return answers.content(text, b"text/plain; version=0.0.4; charset=utf-8")

    async def _health(self, asked: Asked) -> Answer:
        is_up = await self._keyring.is_database_up()
        spool = None
        if self._spool is not None:
            limit = self._options.spool_bytes * self._options.workers
            spool = {"bytes": self._spool.shared_bytes, "limit": limit}
        is_ready = is_up or (self._spool is not None and not self._spool.is_full)
        state = {
            "status": "ready" if is_ready else "away",
            "database": "up" if is_up else "away",
            "spool": spool,
            "version": __version__,
        }
        return answers.as_json(200 if is_ready else 503, msgspec.json.encode(state))


async def _leave_with_parent() -> None:
    """End in order when the parent was killed: the port is for whoever comes next."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    while parent.is_alive():
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _collect_garbage_seldom() -> None:
    """A batch is thousands of objects, none of which is a cycle: looking for them at every 700th
    costs a tenth of the processor."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class _Gone(Exception):
    """The client left before its request was complete."""


async def _whole_body(
    message: Message, limits: Limits, receive: Receive, pace: Pace | None
) -> bytes:
    """The body's parts together. Reads on a little beyond the limit, so that the client is there
    to read why it was refused."""
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise _Gone
        size += len(message.get("body", b""))
        if size <= limits.body_bytes:
            parts.append(message.get("body", b""))
        elif size > limits.body_bytes + BEYOND_BYTES:
            break
        if not message.get("more_body"):
            break
        if pace is not None:
            await pace.wait(len(message.get("body", b"")))
        message = await receive()
    if size > limits.body_bytes:
        raise protocol.too_large(limits)
    return b"".join(parts)


def _welcome(scope: Scope) -> None:
    """Tell the connection that it brings what is wanted (`PatientProtocol.is_known`)."""
    scope["state"]["is_welcome"] = True


def _read(body: bytes, encoding: bytes, route: Route, pace: Pace | None = None) -> Calls:
    plain = protocol.decompressed(body, encoding, route.limits)
    if pace is not None and encoding:
        pace.owe(len(plain))
    return route.parse(plain)


def _parcel(calls: Calls, source: str, limits: Limits, screen: Screen) -> Parcel:
    envelope, ids, at = calls.envelope, MadeIds(source), now()
    if envelope.size > limits.event_bytes:
        raise Refused(413, "too_large", f"A batch's context may have {limits.event_bytes} bytes.")
    rows: list[Row] = []
    wrong: list[Bad] = []
    for index, raw in enumerate(calls.items[: limits.events]):
        found = read_wanted(raw, index, ids, envelope, limits, screen, at)
        if isinstance(found, Row):
            rows.append(found)
        elif found is not None:
            wrong.append(found)
    for index, raw in enumerate(calls.items[limits.events :], start=limits.events):
        detail = f"a batch may have {limits.events} calls"
        beyond = bad(raw, index, ids, envelope, "batch_too_long", detail)
        if (kept := kept_apart(beyond, screen, raw, envelope)) is not None:
            wrong.append(kept)
    gone = len(calls.items) - len(rows) - len(wrong)
    return Parcel(source, rows, wrong, at, made_ids=ids.made, turned_away=gone)


def _pixel_parcel(
    found: pixel.Pixel, kind: str, source: str, limits: Limits, screen: Screen
) -> Parcel:
    envelope = Envelope(type=kind)
    if found.detail is None:
        return _parcel(Calls([found.call], envelope, None), source, limits, screen)
    ids = MadeIds(source)
    wrong = bad(found.call, 0, ids, envelope, "malformed_base64", found.detail)
    kept = kept_apart(wrong, screen, found.call, envelope)
    if kept is None:
        return Parcel(source, [], [], now(), turned_away=1)
    return Parcel(source, [], [kept], now(), made_ids=ids.made)


def _check_signature(calls: Calls, key: Key, headers: Headers) -> None:
    if key.webhook_secret is None:
        return
    signature = headers.get(b"x-signature", b"").decode("latin-1")
    first = calls.items[0] if calls.items else b"[]"
    if not is_signed(first, signature, key.webhook_secret):
        raise Refused(401, "bad_signature", "X-Signature does not fit the body.")
