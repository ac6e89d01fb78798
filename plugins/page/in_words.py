"""What the page's addresses answer when nothing else did: a line that says what is wrong.

Airflow asks its database who somebody is before any route of ours is reached, and answers a bare
"Internal Server Error" where it cannot. So this stands around Airflow's app as well as in ours.
"""

import html
import logging
from typing import Any
from urllib.parse import unquote_to_bytes

import psycopg
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import HTMLResponse, JSONResponse, Response

PREFIX = "/planhat-segment"

AWAY = (
    "Postgres does not answer. This page keeps trying, and goes on by itself when it is back: "
    "`make status` says what runs, `make up` starts the embedded one."
)
NO_TEXT = "The address holds what is no text: not UTF-8, or NUL."
NO_TEXT_SENT = "What was sent holds what is no text: NUL, or half of a surrogate pair."
FAULT = "This is a fault of the page: the api-server's log says more. Please report it."

# The browser asks again by itself; nothing is loaded from anywhere.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Planhat ⇄ Segment</title>
<meta http-equiv="refresh" content="5"><meta name="color-scheme" content="light dark"></head>
<body><main><h1>Planhat ⇄ Segment</h1><p role="alert">{line}</p></main></body></html>
"""

log = logging.getLogger(__name__)


class InWords:
    """An ASGI app around another: what the other raises becomes an answer with a line."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or PREFIX not in scope["path"]:
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Any) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if has_begun:
                raise
            await _answer(scope["path"], error)(scope, receive, send)


def stand_around(app: Any) -> None:
    """Put `InWords` around everything in Airflow's app but what answers a bare 500 in the end."""
    last_resort = app.middleware_stack
    if not isinstance(last_resort.app, InWords):
        last_resort.app = InWords(last_resort.app)


def _answer(path: str, error: Exception) -> Response:
    if isinstance(error, SQLAlchemyError | psycopg.Error | OSError):
        # its text may quote a statement with what somebody typed
        log.warning("The page was not answered: %s", type(error).__name__)
        return in_words(path, 503, AWAY)
    log.error("The page was not answered", exc_info=error)
    return in_words(path, 500, FAULT)


def in_words(path: str, status: int, line: str) -> Response:
    """The line as the routes say theirs, or as a page that asks again where a page was asked."""
    headers = {"Cache-Control": "no-store", "Retry-After": "5"}
    if "/api/" in path or "/static/" in path:
        return JSONResponse({"detail": line}, status_code=status, headers=headers)
    return HTMLResponse(_PAGE.format(line=html.escape(line)), status_code=status, headers=headers)


def line_of(problems: list[dict[str, Any]]) -> str:
    """What is wrong with what was asked, the first of it, without repeating what was sent."""
    first = problems[0]
    where = ".".join(str(each) for each in first["loc"] if each not in ("body", "query", "path"))
    return f"{where}: {first['msg']}." if where else f"{first['msg']}."


def is_text(raw: bytes) -> bool:
    """Whether these bytes of an address are UTF-8 without NUL: what Postgres can look for."""
    try:
        return "\0" not in unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False


def has_text(sent: Any) -> bool:
    """Whether every text in a JSON value can be kept: no NUL, no half of a surrogate pair."""
    if isinstance(sent, str):
        return "\0" not in sent and not any("\ud800" <= each <= "\udfff" for each in sent)
    if isinstance(sent, dict):
        return all(has_text(key) and has_text(value) for key, value in sent.items())
    return not isinstance(sent, list) or all(map(has_text, sent))
