"""What an answer says beside what was asked for: of the quota, and of each row of a bulk call."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from include.planhat.api.errors import (
    NoPermissionError,
    NotThereError,
    OddAnswerError,
    PlanhatError,
    RefusedError,
    TokenError,
)

# Hosts by region, as public clients name them.
REGIONS = tuple(
    f"{name}.planhat.com"
    for name in ("api", "api-eu", "api-eu2", "api-eu3", "api-us2", "api-us3", "api-us4")
)
# In the extensions of an answer: an earlier try of the same write may have been done.
AFTER_SILENCE = "is_after_silence"
# What the other side says of an error, cut: it may repeat what was sent.
_WORDS = 120
# A reset beyond this is a time of day, in seconds or milliseconds; below it, seconds from now.
_A_TIME = 10**9
_IN_MILLISECONDS = 10**12


@dataclass(frozen=True)
class Quota:
    """What an answer says of the quota; None: it does not say."""

    limit: int | None = None
    remaining: int | None = None
    # seconds until it begins anew
    reset: float | None = None


def quota_of(headers: Mapping[str, str]) -> Quota:
    """`x-ratelimit-…`, or `X-Rate-Limit-…` as it was, or `Retry-After`; each may be missing."""
    found = {
        name: next(
            (
                number
                for prefix in ("x-ratelimit", "x-rate-limit")
                if (number := _number(headers.get(f"{prefix}-{name}"))) is not None
            ),
            None,
        )
        for name in ("limit", "remaining", "reset")
    }
    reset = _number(headers.get("retry-after"))
    if reset is None and (reset := found["reset"]) is not None and reset > _A_TIME:
        reset = max(reset / (1000 if reset > _IN_MILLISECONDS else 1) - time.time(), 0.0)
    limit, remaining = found["limit"], found["remaining"]
    return Quota(
        None if limit is None else int(limit), None if remaining is None else int(remaining), reset
    )


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


@dataclass(frozen=True)
class Upserted:
    """What became of the rows of a bulk call. Its lists follow no order of the request.

    `inserted` and `updated` hold the keys `{_id, externalId?, sourceId?}` of what was done,
    `failed` what is said of what was not: objects, texts, or texts in objects.
    """

    status: int
    inserted: tuple[dict[str, Any], ...] = ()
    updated: tuple[dict[str, Any], ...] = ()
    # equal already; they are not named
    unchanged: int = 0
    failed: tuple[Any, ...] = field(default=(), repr=False)
    denied: tuple[Any, ...] = field(default=(), repr=False)


_LISTS = ("createdErrors", "updatedErrors", "insertsKeys", "updatesKeys", "permissionErrors")


def upserted(response: httpx.Response) -> Upserted | None:
    """The rows of an answer to a bulk call, whatever its status; None when it has none."""
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return None
    if not isinstance(body, dict) or not any(isinstance(body.get(name), list) for name in _LISTS):
        return None

    def listed(name: str) -> list[Any]:
        value = body.get(name)
        return value if isinstance(value, list) else []

    unchanged = body.get("nonupdates")
    return Upserted(
        response.status_code,
        tuple(each for each in listed("insertsKeys") if isinstance(each, dict)),
        tuple(each for each in listed("updatesKeys") if isinstance(each, dict)),
        unchanged if isinstance(unchanged, int) else 0,
        (*listed("createdErrors"), *listed("updatedErrors")),
        tuple(listed("permissionErrors")),
    )


def refusal(response: httpx.Response, place: str, path: str) -> PlanhatError:
    """The error of an answer that is not a good one; `place` is the host, `path` what was asked."""
    error = _refusal(response, place, path)
    error.is_after_silence = AFTER_SILENCE in response.extensions
    return error


def _refusal(response: httpx.Response, place: str, path: str) -> PlanhatError:
    status = response.status_code
    if 200 <= status < 300:
        return OddAnswerError(f"Planhat answered {status} for {path}, and not what is due there.")
    if status == 401:
        return TokenError(
            f"{place} answered 401: it does not know the token. It says the same to a good token "
            f"of another region: set the connection's host to yours ({', '.join(REGIONS)}), or "
            "make a token in Planhat (Settings, Service Accounts).",
            status,
        )
    if status == 403:
        return NoPermissionError(
            f"The token may not use {path} (403): let its service account in Planhat do so.", status
        )
    said = f"Planhat answered {status} for {path}{_words(response)}"
    if status == 404:
        return NotThereError(f"{said}: there is no such thing.", status)
    return RefusedError(f"{said}.", status)


def _words(response: httpx.Response) -> str:
    """What the other side says, in brackets: from JSON's message, else a short text."""
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        body = response.text if "html" not in response.headers.get("content-type", "") else ""
    if isinstance(body, dict):
        body = body.get("message") or body.get("error")
    words = " ".join(body.split())[:_WORDS] if isinstance(body, str) else ""
    return f" ({words})" if words else ""
