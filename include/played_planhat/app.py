"""HTTP around a tenant, and what goes wrong with it on purpose. Bare ASGI, as the collector is.

Routes of the main host: `/<path>`, `/<path>/<id>`, `/leancompanies`, `/dimensiondata`. Of the
analytics host: `/analytics/<tenant>`, `/analytics/bulk/<tenant>`, `/dimensiondata/<tenant>`,
`/dock/segment`. Of its own: `/played/…`.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from include.played_planhat.documents import Refusal
from include.played_planhat.faults import Fault
from include.played_planhat.playing import play
from include.played_planhat.requests import Asked
from include.played_planhat.tenant import Answer, Tenant

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class PlayedPlanhat(Tenant):
    """The application: a tenant behind HTTP."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or do what its fault says instead."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"].strip("/")
        body = await _whole(receive)
        if path in ("", "played") or path.startswith("played/"):
            await _send(send, play(self, method, path.removeprefix("played").strip("/"), body))
            return
        asked = self._asked(scope, method, path, body)
        self.requests.begin(asked)
        try:
            await asyncio.sleep(self.switches.latency)
            await self._respond(scope, send, asked, path, body)
        finally:
            self.requests.end(asked)

    async def _respond(
        self, scope: Scope, send: Send, asked: Asked, path: str, body: bytes
    ) -> None:
        fault = self.faults.next(asked.method, path)
        asked.fault = fault.kind if fault else None
        answer = await self._before(fault)
        if answer is None and asked.fault not in ("hang", "reset"):
            if self.faults.meanwhile:
                self.faults.meanwhile(asked.method, path)
            answer = self._after(asked.fault, self.answer(asked, path, _authorization(scope), body))
        if answer is None:
            scope["state"]["transport"].abort()
            return
        asked.status = answer.status
        is_cut = asked.fault == "cut"
        await _send(send, answer, is_cut=is_cut)
        if is_cut:
            scope["state"]["transport"].close()

    async def _before(self, fault: Fault | None) -> Answer | None:
        """What is answered without doing anything; None: nothing of the kind."""
        kind = fault.kind if fault else None
        if fault and kind == "hang":
            await asyncio.sleep(fault.seconds)
        if kind == "throttle":
            return self.refused(Refusal(429, "Too many requests"))  # without a word on its end
        if kind == "error":
            return self.refused(Refusal(500, "internal error"))
        if kind == "page":
            return Answer(502, "<html><body>Bad Gateway</body></html>")
        return None

    def _after(self, kind: str | None, answer: Answer) -> Answer | None:
        """What is said of what was done; None: nothing."""
        if kind == "lost":
            return None
        if kind == "half":
            return self.refused(Refusal(500, "internal error"))
        if kind == "object" and isinstance(answer.body, list):
            return answer._replace(body={"data": answer.body})
        return answer

    def _asked(self, scope: Scope, method: str, path: str, body: bytes) -> Asked:
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        asked = Asked(time.monotonic(), method, path, query)
        if asked.is_sink and path != "dock/segment":
            asked.path = f"{path.rpartition('/')[0]}/*"
        if body:
            try:
                sent = json.loads(body)
            except ValueError:
                sent = None
            asked.rows = len(sent) if isinstance(sent, list) else 1
            asked.body = sent if self.switches.keep_bodies else None
        return asked


def _authorization(scope: Scope) -> str:
    return next(
        (text.decode("latin-1") for name, text in scope["headers"] if name == b"authorization"), ""
    )


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, answer: Answer, *, is_cut: bool = False) -> None:
    if answer.body is None:
        content, media = b"", "text/plain"
    elif isinstance(answer.body, str):
        content, media = answer.body.encode(), "text/html"
    else:
        content = json.dumps(answer.body, ensure_ascii=False).encode()
        media = "application/json; charset=utf-8"
    headers = [("content-type", media), ("content-length", str(len(content))), *answer.headers]
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode(), text.encode()) for name, text in headers],
        }
    )
    part = content[: len(content) // 2] if is_cut else content
    await send({"type": "http.response.body", "body": part, "more_body": is_cut})
