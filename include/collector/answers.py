"""What the collector answers: JSON, a refusal, a file; and what a browser wants beside it."""

from typing import NamedTuple

import msgspec

from include.collector.errors import Refused
from include.collector.landing import Outcome

Headers = dict[bytes, bytes]


class Answer(NamedTuple):
    """An HTTP answer; `headers` without those that every answer to a browser gets."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def content(body: bytes, media: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> Answer:
    """An answer with a body of this media type."""
    length = (b"content-length", b"%d" % len(body))
    return Answer(status, body, ((b"content-type", media), length, *headers))


def as_json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer whose body is JSON already."""
    return content(body, b"application/json", *headers, status=status)


def landed(outcome: Outcome) -> Answer:
    """200: what became of the calls of a request. A call that was turned away looks accepted."""
    quarantined = [{"index": bad.place, "reason": bad.reason} for bad in outcome.quarantined]
    return as_json(
        200,
        msgspec.json.encode(
            {
                "success": True,
                "accepted": outcome.accepted + outcome.turned_away,
                "duplicates": outcome.duplicates,
                "quarantined": quarantined,
            }
        ),
    )


def refusal(status: int, code: str, message: str, retry_after: int | None = None) -> Answer:
    """A request that is turned down, with a code for programs and a sentence for people."""
    body = msgspec.json.encode({"success": False, "code": code, "message": message})
    if retry_after is not None:
        return as_json(status, body, (b"retry-after", b"%d" % retry_after))
    if status in (408, 413):  # part of the body may still be on its way
        return as_json(status, body, (b"connection", b"close"))
    return as_json(status, body)


def refused(why: Refused) -> Answer:
    """The answer to a request that was turned down on the way."""
    return refusal(why.status, why.code, why.message, why.retry_after)


def unauthorized() -> Refused:
    """No such key, or not for this."""
    return Refused(401, "unknown_key", "No source has this key, or not for this route.")


def not_found() -> Refused:
    """No such route."""
    return Refused(404, "not_found", "There is no such route.")


def not_allowed(allow: bytes) -> Answer:
    """405, with the methods that are."""
    body = msgspec.json.encode(
        {"success": False, "code": "method_not_allowed", "message": f"Use {allow.decode()}."}
    )
    return as_json(405, body, (b"allow", allow))


def preflight(headers: Headers) -> Answer:
    """What a browser asks before a request that no form could send: it may."""
    wanted = headers.get(b"access-control-request-headers", b"content-type, authorization")
    return Answer(
        204,
        b"",
        (
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", b"86400"),
        ),
    )


def allowed_origin(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
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
