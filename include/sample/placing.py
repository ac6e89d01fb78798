"""Documents put into a played Planhat and taken away again: the customer base of a stranger."""

from typing import Any

import httpx

from include.connections import PlanhatConnection
from include.errors import ServiceError
from include.planhat.models import BY_NAME

ByModel = dict[str, list[dict[str, Any]]]

# Seconds.
_PATIENCE = 30.0


class Placing:
    """A played Planhat, and no other; used with `with`."""

    def __init__(self, planhat: PlanhatConnection) -> None:
        """Raises `ServiceError` when it does not answer, or is not a played one."""
        self._place = planhat.place
        self._http = httpx.Client(
            base_url=planhat.host, auth=(planhat.token, ""), timeout=_PATIENCE
        )
        answer = self._ask("GET", "/played")
        if answer.status_code != httpx.codes.OK or "played" not in answer.json():
            raise ServiceError(f"{self._place} is no played Planhat: no sample is put into it.")

    def __enter__(self) -> "Placing":
        return self

    def __exit__(self, *_: Any) -> None:
        self._http.close()

    def put(self, by_model: ByModel) -> None:
        """They are there, as they are given; those that are so already stay untouched."""
        for model, documents in by_model.items():
            path = f"/played/documents/{BY_NAME[model].path}"
            self._check(self._ask("PUT", path, json=documents))

    def remove(self, by_model: ByModel) -> None:
        """They are not there, or no more."""
        for model, documents in by_model.items():
            for each in documents:
                answer = self._ask("DELETE", f"/{BY_NAME[model].path}/{each['_id']}")
                if answer.status_code != httpx.codes.NOT_FOUND:
                    self._check(answer)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ServiceError(f"{self._place} does not answer: {error}") from None

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise ServiceError(
                f"{self._place} answers {answer.status_code} to {answer.request.url.path}: "
                f"{answer.text[:200]}"
            )
