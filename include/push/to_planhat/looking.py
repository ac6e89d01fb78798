"""The endusers that Planhat has in some companies at this moment, archived ones too."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from include.planhat.api.client import Client
from include.planhat.api.errors import NotThereError, PlanhatAwayError, RefusedError
from include.planhat.api.pages import UNSORTED, Fetch, Position, next_page

# Ids of 24 digits in one address: some servers take no longer ones than 2,000 characters.
COMPANIES = 75

# A list that moves while it is read is read again, so often.
_PASSES = 5

FIELDS = (
    "companyId", "externalId", "email", "firstName", "lastName", "position", "phone", "custom",
)  # fmt: skip

Found = dict[str, Any]


@dataclass
class Endusers:
    """By company: by external id, and by address in small letters."""

    _by_external: dict[tuple[str, str], Found] = field(default_factory=dict)
    _by_email: dict[tuple[str, str], list[Found]] = field(default_factory=dict)

    def add(self, found: Found) -> None:
        """One that Planhat has."""
        company = found.get("companyId")
        if not isinstance(company, str):
            return
        if external := found.get("externalId"):
            self._by_external[company, str(external)] = found
        if isinstance(email := found.get("email"), str):
            self._by_email.setdefault((company, email.strip().lower()), []).append(found)

    def with_external(self, company: str, external_id: str) -> Found | None:
        """The one with this external id: Planhat lets there be one in a company."""
        return self._by_external.get((company, external_id))

    def with_email(self, company: str, email: str) -> list[Found]:
        """All with this address."""
        return self._by_email.get((company, email.strip().lower()), [])


def look(client: Client, companies: set[str]) -> Endusers:
    """Every enduser of these companies. Raises `PlanhatError`."""
    endusers = Endusers()
    for together in asked_together(companies):
        for found in _of(client, together):
            endusers.add(found)
    return endusers


def asked_together(companies: Collection[str]) -> Iterator[list[str]]:
    """The companies of each list that is asked for; twice: without the archived, and those."""
    ids = sorted(companies)
    for first in range(0, len(ids), COMPANIES):
        yield ids[first : first + COMPANIES]


@lru_cache(maxsize=1_000)
def calls_to_list(rows: int, page: int, *, refuses: bool = False) -> int:
    """How many calls a list of so many rows takes, by listing it: pages have at most `page` rows,
    or a larger limit is refused."""
    calls = 0

    def fetch(offset: int, limit: int) -> list[msgspec.Raw]:
        nonlocal calls
        calls += 1
        if refuses and limit > page:
            raise RefusedError("as this tenant does", 400)
        last = min(rows, offset + min(limit, page))
        return [msgspec.Raw(b'{"_id":"%024x"}' % number) for number in range(offset, last)]

    _whole_list(fetch)
    return calls


def _of(client: Client, companies: list[str]) -> Iterator[Found]:
    for archived in ({}, {"archived": "true"}):
        params = {
            "companyId": ",".join(companies), "select": ",".join(FIELDS), **archived, "sort": "_id",
        }  # fmt: skip

        def fetch(offset: int, limit: int, asked: dict[str, str] = params) -> list[msgspec.Raw]:
            return client.page("endusers", {**asked, "limit": limit, "offset": offset})

        try:
            yield from _whole_list(fetch)
        except NotThereError:
            # some answer so where one of the companies is unknown there: one by one
            if len(companies) == 1:
                continue
            for company in companies:
                yield from _of(client, [company])
            return


def _whole_list(fetch: Fetch) -> list[Found]:
    for _ in range(_PASSES):
        pages, position = [], Position()
        while not position.has_ended:
            new, position = next_page(fetch, position)
            pages.append([msgspec.json.decode(row.raw) for row in new if row.id is not None])
        # the last one is empty; what came in one page was whole, in whatever order
        if position.doubt is None or (position.doubt == UNSORTED and len(pages) <= 2):
            return [row for page in pages for row in page]
    raise PlanhatAwayError(
        "Planhat's list of endusers moves too quickly to be read whole; try again later."
    )
