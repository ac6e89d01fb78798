"""One batch over the wire: posted until its outcome is known, or the patience for it is used up.

Through `segment.analytics.request.post`, the library's own sender of one batch: synchronous, so
that each batch is accounted for exactly.
"""

import logging
import random
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from segment.analytics.request import APIError, parse_retry_after, post

from include import unreachable
from include.push.sending import Accepted, Outcome, Patience, Refused, Rejected, Unknown
from include.settings import SegmentConnection
from include.warehouse.pace import Pace

# The library says each bad answer to whoever is nearest; ours are in the report, with a code.
logging.getLogger("segment").addHandler(logging.NullHandler())

# Answers after which the same batch may succeed.
RETRIED = frozenset({408, 425, 429, *range(500, 600)})

# Of these, the ones that say that nothing was looked at.
LATER = frozenset({425, 429})

# Answers that blame the batch's content: halves of it may succeed.
SPLIT = frozenset({400, 413, 422})


def send_batch(
    segment: SegmentConnection,
    batch: Sequence[dict[str, Any]],
    *,
    patience: Patience,
    pace: Pace,
    stopped: threading.Event,
) -> Outcome:
    """Post the messages until the outcome is known or the patience is used up.

    The caller has waited for the pace of the first try.
    """
    asked = 0.0
    failed = Unknown("unreachable", "it was not tried")
    # what is asked to come later was not taken; what had another answer, or none, may have been
    is_after_silence = False
    for attempt in range(patience.attempts):
        if attempt:
            pace.wait_for(len(batch), stopped)
        if attempt and stopped.is_set():
            break
        try:
            response = post(
                segment.write_key, segment.host,
                timeout=patience.timeout, retry_count=attempt, batch=batch,
            )  # fmt: skip
            if response.request.method != "POST":
                return _redirected(response, is_after_silence)
            return Accepted(_rejected(response, len(batch)))
        except APIError as error:
            if error.status not in RETRIED:
                return Refused(
                    f"http_{error.status}", _say(error), is_content=error.status in SPLIT,
                    is_after_silence=is_after_silence,
                )  # fmt: skip
            is_after_silence = is_after_silence or error.status not in LATER
            failed = Unknown(f"http_{error.status}", _say(error))
            wait = parse_retry_after(error.response) if error.response is not None else None
        except requests.Timeout:
            is_after_silence = True
            failed = Unknown(
                "timeout", f"no answer from {_place(segment)} within {patience.timeout:g} s"
            )
            wait = None
        except requests.RequestException as error:
            is_after_silence = True
            failed = Unknown("unreachable", f"no connection to {_place(segment)}: {_why(error)}")
            wait = None
        if stopped.is_set():
            break
        if wait is not None:
            asked += wait
            if asked > patience.asked_wait:
                break
            pace.pause(wait)
        elif attempt + 1 < patience.attempts:
            stopped.wait(_jitter(patience, attempt))
    return failed


def _place(segment: SegmentConnection) -> str:
    """Host and port."""
    parts = urlsplit(segment.host)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _why(error: requests.RequestException) -> str:
    """What went wrong, in words; the library's are several lines of its own insides."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS was refused (its certificate, or it does not speak TLS there)"
    return unreachable.why(error)


def _redirected(response: requests.Response, is_after_silence: bool) -> Refused:
    # A redirect is followed with a GET, which carries no batch: whatever answered has seen nothing.
    host = urlsplit(response.url).netloc
    return Refused(
        "redirected",
        f"the address sends us on to {host}: set AIRFLOW_CONN_SEGMENT to where batches are taken",
        is_content=False,
        is_after_silence=is_after_silence,
    )


def _jitter(patience: Patience, attempt: int) -> float:
    return random.uniform(0, min(patience.longest_wait, patience.first_wait * 2**attempt))  # noqa: S311


def _rejected(response: requests.Response, count: int) -> dict[int, Rejected]:
    """What a 200 says it did not take; our collector says so, Segment says nothing."""
    try:
        body = response.json()
    except ValueError:
        return {}
    listed = body.get("quarantined") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return {}
    return {
        each["index"]: Rejected("quarantined", str(each.get("reason", "rejected")))
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("index"), int) and each["index"] < count
    }


def _say(error: APIError) -> str:
    # The other side's words, cut: they may repeat what we sent.
    words = " ".join(str(error.message or "").split())[:120]
    return f"Segment answered {error.status}" + (f" ({words})" if words else "")
