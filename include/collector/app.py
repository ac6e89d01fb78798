"""The collector's HTTP: bare ASGI, because for single calls a framework is most of the cost.

What a route does is in `_Route`; everything between the socket and `Intake` is in
`Collector._collect`, in the order in which it happens.
"""

import asyncio
import base64
import binascii
import gc
import logging
import math
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from include.collector import logs, openapi, protocol
from include.collector.browser import browser_settings
from include.collector.errors import Refused, Unavailable
from include.collector.event import Bad, Row, bad, read_event
from include.collector.intake import Intake, now
from include.collector.keyring import KEYS_FILE, Key, Keyring
from include.collector.landing import Outcome, Parcel
from include.collector.made_ids import MadeIds
from include.collector.metrics import Metrics
from include.collector.options import Limits, Options
from include.collector.protocol import Calls
from include.collector.rates import Rates
from include.collector.signature import is_signed
from include.collector.sources import TENANT_TOKEN, WRITE_KEY
from include.collector.spool import Spool
from include.warehouse.migrate import migrate

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = dict[bytes, bytes]

log = logging.getLogger("collector")

RETRY_AFTER_SECONDS = 5


class _Route(NamedTuple):
    parse: Callable[[bytes], Calls]
    limits: Limits
    key_kinds: tuple[str, ...]
    is_signed: bool = False


class _Answer(NamedTuple):
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def routes(options: Options) -> dict[str, _Route]:
    """What takes calls, by path."""

    def client(parse: Callable[[bytes], Calls]) -> _Route:
        return _Route(parse, options.limits, (WRITE_KEY,))

    found = {"/v1/batch": client(protocol.batch), "/v1/b": client(protocol.batch)}
    for kind in ("identify", "track", "group", "page", "screen", "alias"):
        route = client(partial(protocol.single, kind=kind))
        found[f"/v1/{kind}"] = found[f"/v1/{kind[0]}"] = route
    found["/dock/segment"] = _Route(protocol.partner, options.limits, (TENANT_TOKEN,))
    found["/webhook"] = _Route(
        protocol.webhook, options.webhook_limits, (WRITE_KEY, TENANT_TOKEN), is_signed=True
    )
    return found


class Collector:
    """The ASGI application of one worker process; `shared` is a folder of all workers together."""

    def __init__(self, url: str, options: Options, shared: Path):
        self._options = options
        self._routes = routes(options)
        folder = options.spool_folder
        self._spool = Spool(folder, options.spool_bytes) if folder else None
        self._rates = Rates(shared)
        self._metrics = Metrics(shared)
        self._keyring = Keyring(url, folder / KEYS_FILE if folder else None)
        # Migrations that could not be applied when the collector started are applied first.
        self._intake = Intake(
            url,
            self._spool,
            metrics=self._metrics,
            before_use=partial(asyncio.to_thread, migrate, url),
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
            answer = _refusal(refused.status, refused.code, refused.message, refused.retry_after)
        except Unavailable:
            message = "Nothing durable can take the calls now."
            answer = _refusal(503, "unavailable", message, RETRY_AFTER_SECONDS)
        except _Gone:
            return
        except Exception:
            log.exception("a request failed")
            answer = _refusal(500, "failed", "The collector failed; nothing was stored.")
        self._metrics.count("requests_total", status=str(answer.status))
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*_allowed_origin(headers), *answer.headers],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        logs.configure()
        _collect_garbage_seldom()
        await self._keyring.start()
        await self._intake.start()
        await send({"type": "lifespan.startup.complete"})
        keeping = asyncio.create_task(self._keep_metrics())
        leaving = asyncio.create_task(_leave_with_parent())
        await receive()
        keeping.cancel()
        leaving.cancel()
        await self._intake.stop()
        await self._keyring.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep_metrics(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._metrics.keep()

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> _Answer:
        path: str = scope["path"]
        method: str = scope["method"]
        route = self._routes.get(path) or self._routes.get(path.rstrip("/"))
        if route is not None:
            if method == "POST":
                return await self._collect(route, headers, receive)
            return _preflight(headers) if method == "OPTIONS" else _not_allowed(b"POST, OPTIONS")
        if path in ("/health", "/metrics", "/openapi.json") or path.startswith("/v1/projects/"):
            if method == "OPTIONS":
                return _preflight(headers)
            if method not in ("GET", "HEAD"):
                return _not_allowed(b"GET, HEAD, OPTIONS")
            return await self._show(path, scope, headers)
        raise Refused(404, "not_found", "There is no such route.")

    async def _collect(self, route: _Route, headers: Headers, receive: Receive) -> _Answer:
        said = _header_key(headers)
        key = await self._keyring.find(said) if said is not None else None
        body = await self._body(route.limits, headers, receive)
        if said is not None and key is None and route.key_kinds != (WRITE_KEY,):
            raise _unauthorized()
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        calls = route.parse(protocol.decompressed(body, encoding, route.limits))
        if key is None and calls.write_key is not None:
            key = await self._keyring.find(calls.write_key)
        if key is None or key.kind not in route.key_kinds:
            raise _unauthorized()
        if route.is_signed:
            _check_signature(calls, key, headers)
        if wait := self._rates.wait(key.source, len(calls.items), key.calls_per_second):
            raise Refused(429, "too_many", "The source sends too many calls.", math.ceil(wait))
        parcel = _parcel(calls, key.source, route.limits)
        if not parcel.rows and not parcel.bad:
            return _landed(Outcome(0, 0, []))
        outcome = await self._intake.land(parcel)
        self._count(parcel, outcome)
        return _landed(outcome)

    def _count(self, parcel: Parcel, outcome: Outcome) -> None:
        metrics, source = self._metrics, parcel.source
        calls = len(parcel.rows) + len(parcel.bad)
        metrics.observe("request_calls", calls)
        metrics.count("received_total", calls, source=source)
        metrics.count("accepted_total", outcome.accepted, source=source)
        metrics.count("duplicates_total", outcome.duplicates, source=source)
        for each in outcome.quarantined:
            metrics.count("quarantined_total", source=source, reason=each.reason)

    async def _body(self, limits: Limits, headers: Headers, receive: Receive) -> bytes:
        message = await receive()
        if not message.get("more_body"):
            body = message.get("body", b"")
            if len(body) > limits.body_bytes:
                raise protocol.too_large(limits)
            return body
        try:
            async with asyncio.timeout(self._options.body_seconds):
                return await _whole_body(message, limits, receive)
        except TimeoutError:
            raise Refused(408, "too_slow", "The body did not arrive in time.") from None

    async def _show(self, path: str, scope: Scope, headers: Headers) -> _Answer:
        if path == "/health":
            return await self._health()
        if path == "/openapi.json":
            return _json(200, openapi.document(self._routes))
        if path == "/metrics":
            spooled = self._spool.shared_bytes if self._spool else 0
            text = self._metrics.text(spool_bytes=spooled)
            return _Answer(
                200,
                text,
                (
                    (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
                    (b"content-length", b"%d" % len(text)),
                ),
            )
        write_key, _, rest = path.removeprefix("/v1/projects/").partition("/")
        if rest != "settings":
            raise Refused(404, "not_found", "There is no such route.")
        key = await self._keyring.find(write_key)
        if key is None or key.kind != WRITE_KEY:
            raise _unauthorized()
        host = headers.get(b"host", b"").decode("latin-1")
        # Behind a proxy with TLS the browser came by https, whatever reaches us.
        scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1")
        if scheme not in ("http", "https"):
            scheme = scope["scheme"]
        return _json(200, browser_settings(write_key, scheme, host))

    async def _health(self) -> _Answer:
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
        }
        return _json(200 if is_ready else 503, msgspec.json.encode(state))


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


async def _whole_body(message: Message, limits: Limits, receive: Receive) -> bytes:
    """The body's parts together. Reads on a little beyond the limit, so that the client is there
    to read why it was refused."""
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise _Gone
        size += len(message.get("body", b""))
        if size <= limits.body_bytes:
            parts.append(message.get("body", b""))
        elif size > 4 * limits.body_bytes:
            break
        if not message.get("more_body"):
            break
        message = await receive()
    if size > limits.body_bytes:
        raise protocol.too_large(limits)
    return b"".join(parts)


def _parcel(calls: Calls, source: str, limits: Limits) -> Parcel:
    envelope, ids = calls.envelope, MadeIds(source)
    if envelope.size > limits.event_bytes:
        raise Refused(413, "too_large", f"A batch's context may have {limits.event_bytes} bytes.")
    rows: list[Row] = []
    wrong: list[Bad] = []
    for index, raw in enumerate(calls.items[: limits.events]):
        found = read_event(raw, index, ids, envelope, limits)
        if isinstance(found, Row):
            rows.append(found)
        else:
            wrong.append(found)
    for index, raw in enumerate(calls.items[limits.events :], start=limits.events):
        detail = f"a batch may have {limits.events} calls"
        wrong.append(bad(raw, index, ids, envelope, "batch_too_long", detail))
    return Parcel(source, rows, wrong, now(), made_ids=ids.made)


def _check_signature(calls: Calls, key: Key, headers: Headers) -> None:
    if key.webhook_secret is None:
        return
    signature = headers.get(b"x-signature", b"").decode("latin-1")
    first = calls.items[0] if calls.items else b"[]"
    if not is_signed(first, signature, key.webhook_secret):
        raise Refused(401, "bad_signature", "X-Signature does not fit the body.")


def _header_key(headers: Headers) -> str | None:
    """The key of `Authorization`, Basic (`key:`) or Bearer; None when there is none."""
    kind, _, value = headers.get(b"authorization", b"").partition(b" ")
    kind = kind.lower()
    if kind == b"basic":
        try:
            decoded = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            return None
        return decoded.partition(b":")[0].decode("utf-8", "surrogateescape") or None
    if kind == b"bearer":
        return value.strip().decode("utf-8", "surrogateescape") or None
    return None


# Answers

_JSON = (b"content-type", b"application/json")


def _json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> _Answer:
    return _Answer(status, body, (_JSON, (b"content-length", b"%d" % len(body)), *headers))


def _landed(outcome: Outcome) -> _Answer:
    quarantined = [{"index": bad.place, "reason": bad.reason} for bad in outcome.quarantined]
    return _json(
        200,
        msgspec.json.encode(
            {
                "success": True,
                "accepted": outcome.accepted,
                "duplicates": outcome.duplicates,
                "quarantined": quarantined,
            }
        ),
    )


def _refusal(status: int, code: str, message: str, retry_after: int | None = None) -> _Answer:
    body = msgspec.json.encode({"success": False, "code": code, "message": message})
    if retry_after is not None:
        return _json(status, body, (b"retry-after", b"%d" % retry_after))
    if status in (408, 413):  # part of the body may still be on its way
        return _json(status, body, (b"connection", b"close"))
    return _json(status, body)


def _unauthorized() -> Refused:
    return Refused(401, "unknown_key", "No source has this key, or not for this route.")


def _not_allowed(allow: bytes) -> _Answer:
    body = msgspec.json.encode(
        {"success": False, "code": "method_not_allowed", "message": f"Use {allow.decode()}."}
    )
    return _json(405, body, (b"allow", allow))


def _preflight(headers: Headers) -> _Answer:
    wanted = headers.get(b"access-control-request-headers", b"content-type, authorization")
    return _Answer(
        204,
        b"",
        (
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", b"86400"),
        ),
    )


def _allowed_origin(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """Any web page may send: the write key is public there. `sendBeacon` sends with credentials,
    for which browsers want the origin by name."""
    origin = headers.get(b"origin")
    if origin is None:
        return ()
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    )
