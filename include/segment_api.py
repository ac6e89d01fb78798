"""Segment's Public API, as far as people are deleted by it: regulations of a workspace.

What is known of it, with its sources, is in docs/privacy.md. A message here names host, path and
status, never a token or a user id.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from include import unreachable
from include.connections import SegmentApiConnection
from include.errors import ProblemError, ServiceError

# User ids of one regulation, and rows of a page.
MOST_SUBJECTS = 5_000
PAGE = 200
ATTEMPTS = 5
LONGEST_WAIT = 120.0
TOO_MANY = 429


class SegmentRefusedError(ProblemError):
    """It will be said again to the same request. `is_content`: what was sent is wrong."""

    def __init__(self, message: str, *, is_content: bool) -> None:
        super().__init__(message)
        self.is_content = is_content


class SegmentAwayError(ServiceError):
    """No answer, or one that passes. Of a request to create, it may have been done."""


@dataclass(frozen=True)
class Regulation:
    """One as the list has it."""

    id: str
    kind: str
    subjects: frozenset[str]
    status: str
    created_at: str


class SegmentApi:
    """One workspace; used with `with`."""

    def __init__(self, connection: SegmentApiConnection, *, timeout: float = 60.0) -> None:
        self._connection = connection
        self._http = httpx.Client(
            base_url=connection.host, timeout=timeout,
            headers={
                "Authorization": f"Bearer {connection.token}", "Accept": "application/json",
            },
        )  # fmt: skip

    def __enter__(self) -> "SegmentApi":
        return self

    def __exit__(self, *_: Any) -> None:
        self._http.close()

    def create(self, kind: str, user_ids: Sequence[str]) -> str:
        """Ask for a regulation of these users: its id. Sent once: whoever gets no answer lists.

        Raises `SegmentRefusedError`, `SegmentAwayError`.
        """
        assert 0 < len(user_ids) <= MOST_SUBJECTS
        sent = {"regulationType": kind, "subjectType": "USER_ID", "subjectIds": list(user_ids)}
        data = self._ask("POST", "/regulations", json=sent)
        found = data.get("regulateId")
        if not isinstance(found, str) or not found:
            raise SegmentAwayError(f"{self._named('/regulations')} gave an answer without an id.")
        return found

    def regulations(self, kind: str) -> Iterator[Regulation]:
        """Those of the workspace of the last 90 days, page after page."""
        cursor: str | None = None
        while True:
            asked: dict[str, Any] = {"pagination[count]": PAGE, "regulationTypes": kind}
            if cursor:
                asked["pagination[cursor]"] = cursor
            data = self._ask("GET", "/regulations", params=asked)
            for each in data.get("regulations") or []:
                yield Regulation(
                    str(each["id"]), str(each.get("regulationType")),
                    frozenset(map(str, each.get("subjects") or [])),
                    str(each.get("status")), str(each.get("createdAt")),
                )  # fmt: skip
            cursor = (data.get("pagination") or {}).get("next")
            if not cursor:
                return

    def status(self, regulation_id: str) -> str | None:
        """How far a regulation is; None where it is not known (any more)."""
        data = self._ask("GET", f"/regulations/{regulation_id}", may_be_missing=True)
        return (data.get("regulation") or {}).get("overallStatus")

    def _ask(
        self, method: str, path: str, *, may_be_missing: bool = False, **more: Any
    ) -> dict[str, Any]:
        for attempt in range(ATTEMPTS):
            try:
                answer = self._http.request(method, path, **more)
            except httpx.HTTPError as error:
                raise SegmentAwayError(
                    f"{self._named(path)} does not answer: {unreachable.why(error)}."
                ) from None
            if answer.status_code == TOO_MANY and attempt + 1 < ATTEMPTS:
                # a request over the limit was not taken
                time.sleep(min(_wait(answer), LONGEST_WAIT))
                continue
            break
        if answer.status_code == httpx.codes.NOT_FOUND and may_be_missing:
            return {}
        if answer.status_code == TOO_MANY or answer.status_code >= 500:
            raise SegmentAwayError(f"{self._named(path)} answered {answer.status_code}.")
        if not answer.is_success:
            raise SegmentRefusedError(
                f"{self._named(path)} refused it ({answer.status_code}).",
                is_content=answer.status_code in (400, 413, 422),
            )
        try:
            data = answer.json()["data"]
        except (ValueError, KeyError, TypeError):
            data = None
        if not isinstance(data, dict):
            raise SegmentAwayError(f"{self._named(path)} gave an answer that is none.")
        return data

    def _named(self, path: str) -> str:
        return f"{self._connection.host.split('//', 1)[1]}{path}"


def _wait(answer: httpx.Response) -> float:
    """Seconds until the limit is lifted, as the answer says."""
    try:
        return max(0.0, float(answer.json()["errors"][0]["data"]["msBeforeNext"]) / 1_000)
    except (ValueError, KeyError, TypeError, IndexError):
        pass
    after = answer.headers.get("Retry-After", "")
    return float(after) if after.isdigit() else 10.0
