"""`make planhat CHECK=1`: what a tenant is like, asked by reading alone.

It is what a person runs first. It settles what is guessed of the API, says what that means, and
keeps it where reader and writer look.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from include.connections import PlanhatConnection
from include.counting import counted
from include.planhat.api.answers import REGIONS, quota_of
from include.planhat.api.client import Client, ClientOptions, Params
from include.planhat.api.errors import PlanhatError, RefusedError, TokenError
from include.planhat.api.findings import Findings, ModelFindings, keep
from include.planhat.api.pages import LEAST_LIMIT
from include.planhat.models import MODELS, Model
from include.warehouse.connection import connect

# More than any page may have, as far as is known; then less, where that is refused.
_LIMITS = (10_000, 5_000, 2_000, 1_000, LEAST_LIMIT)
# A company that nobody has.
_NOBODY = "0" * 24

Say = Callable[[str], None]


def check_tenant(
    url: str,
    connection: PlanhatConnection,
    *,
    models: Sequence[Model] = MODELS,
    options: ClientOptions = ClientOptions(),  # noqa: B008  frozen
    regions: Sequence[str] | None = None,
    say: Say = print,
) -> Findings:
    """Ask, say, and keep. `regions`: addresses at which a token that is not known is tried.

    Raises `TokenError` naming the region where the token is known, if there is one, and
    `PlanhatAwayError` when Planhat does not answer.
    """
    with Client(connection, url, options) as client:
        try:
            client.get("users", {"limit": 1})
        except TokenError as unknown:
            raise _with_region(url, connection, options, regions, unknown) from None
        except RefusedError:
            pass  # the token is known, and may not read users
        say(f"{connection.place} knows the token: it is the right region.")
        findings = _ask(client, models, say)
        calls = client.calls
    with connect(url, application_name="planhat check", autocommit=True) as warehouse:
        keep(warehouse, connection.tenant, findings)
    for line in _meaning(findings, connection):
        say(line)
    say(f"{calls} calls, reading only. Kept for the reader and the writer.")
    return findings


def _with_region(
    url: str, connection: PlanhatConnection, options: ClientOptions,
    regions: Sequence[str] | None, unknown: TokenError,
) -> TokenError:  # fmt: skip
    """The same, with the region that knows the token. Planhat's own hosts alone are asked."""
    if regions is None:
        is_planhats = connection.place.endswith(".planhat.com")
        regions = [f"https://{host}" for host in REGIONS] if is_planhats else []
    for host in regions:
        if host == connection.host:
            continue
        elsewhere = replace(connection, host=host)
        impatient = replace(options, attempts=1, timeout=min(options.timeout, 10))
        try:
            with Client(elsewhere, url, impatient) as client:
                client.get("users", {"limit": 1})
        except PlanhatError:
            continue
        return TokenError(
            f"{connection.place} does not know the token, and {elsewhere.place} does: that is your "
            "region. Set the connection's host to it.",
            unknown.status,
        )
    return unknown


def _ask(client: Client, models: Sequence[Model], say: Say) -> Findings:
    found = {}
    for model in models:
        found[model.path] = _model(client, model.path)
        say(f"  {model.path:<15} {_in_words(found[model.path])}")
    response = client.response("companies", {"limit": 1})
    quota = quota_of(response.headers)
    nobody = client.response("endusers", {"companyId": _NOBODY, "limit": 1})
    words = {200: "empty", 404: "missing"}
    archived = _rows(client, "endusers", {"archived": "true", "limit": 1, "select": "archived"})
    return Findings(
        models=found,
        currency=_currency(client),
        quota_headers=tuple(
            sorted(
                name
                for name in response.headers
                if name.startswith(("x-ratelimit", "x-rate-limit"))
            )
        ),
        quota_limit=quota.limit,
        has_archived=archived[0].get("archived") is True if archived else None,
        reads_metrics=client.response("dimensiondata", {"limit": 1}).status_code == 200,
        unknown_company=words.get(nobody.status_code),  # type: ignore[arg-type]
        custom_fields=_custom_fields(client),
    )


def _model(client: Client, path: str) -> ModelFindings:
    is_refused = False
    for limit in _LIMITS:
        asked: Params = {"limit": limit, "sort": "_id", "select": "_id"}
        response = client.response(path, asked)
        if response.status_code == 400 and limit > LEAST_LIMIT:
            is_refused = True
            continue
        if response.status_code in (403, 404):
            return ModelFindings("denied" if response.status_code == 403 else "missing")
        rows = _listed(response.content) if response.status_code == 200 else None
        if rows is None:
            return ModelFindings("odd")
        ids = [str(row.get("_id")) for row in rows]
        behind = {**asked, "limit": 1, "offset": len(rows)}
        is_clamped = 0 < len(rows) < limit and bool(_rows(client, path, behind))
        return ModelFindings(
            "yes",
            rows=len(rows),
            asked=limit,
            is_clamped=is_clamped,
            is_refused=is_refused,
            is_sorted=ids == sorted(ids) if len(ids) > 1 else None,
            is_selected=all(row.keys() <= {"_id"} for row in rows) if rows else None,
        )
    return ModelFindings("odd")


def _rows(client: Client, path: str, params: Params) -> list[dict[str, Any]]:
    """The rows of a page; none where there is no such page."""
    response = client.response(path, params)
    return (_listed(response.content) or []) if response.status_code == 200 else []


def _listed(content: bytes) -> list[dict[str, Any]] | None:
    try:
        return msgspec.json.decode(content, type=list[dict[str, Any]])
    except msgspec.DecodeError:
        return None


def _currency(client: Client) -> Any:
    for path in ("licenses", "sales", "opportunities"):
        for row in _rows(client, path, {"limit": 1, "select": "_currency"}):
            if row.get("_currency"):
                return "object" if isinstance(row["_currency"], dict) else "text"
    return None


def _custom_fields(client: Client) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    offset = 0
    while rows := _rows(client, "customfields", {"limit": 2_000, "offset": offset, "sort": "_id"}):
        offset += len(rows)
        for row in rows:
            fields = found.setdefault(str(row.get("parent") or "?"), {})
            fields[str(row.get("name") or "?")] = str(row.get("type") or "?")
    return found


# What it means


def _in_words(found: ModelFindings) -> str:
    if found.access != "yes":
        return {
            "denied": "the token may not read it (403): let its service account in Planhat do so",
            "missing": "there is no such path (404): the tenant has no such model",
            "odd": "answers something that is no list",
        }[found.access]
    if found.is_refused:
        size = f"a limit above {found.asked:,} is refused"
    elif found.is_clamped:
        size = f"pages end at {found.rows:,} rows without a word: only an empty page ends a list"
    elif found.rows == found.asked:
        size = f"pages of {found.rows:,} rows come whole"
    else:
        size = f"{counted(found.rows, 'row')}, all in one page: too few to see where pages end"
    odd = ""
    if found.is_sorted is False:
        odd += "; not in the order of ids that was asked for: nothing of it is ever marked deleted"
    if found.is_selected is False:
        odd += "; more fields come than are asked for"
    return size + odd


def _meaning(found: Findings, connection: PlanhatConnection) -> list[str]:
    headers = ", ".join(found.quota_headers)
    currency = {"object": "an object", "text": "a text", None: "not to be seen: nothing has one"}
    archived = {
        True: "come when they are asked for",
        False: "do not come when they are asked for: archived people are asked for one by one",
        None: "are none, or do not come when they are asked for",
    }
    lines = [
        f"quota           {found.quota_limit or 'a number that no answer says'} calls a minute"
        + (f", told by {headers}" if headers else ": 3 calls a second, and 15 s after a 429"),
        f"_currency       is {currency[found.currency]}",
        f"archived        endusers {archived[found.has_archived]}",
        f"metrics         can {'' if found.reads_metrics else 'not '}be read back"
        + ("" if found.reads_metrics else ": sums stay unknown after a lost answer"),
        "custom fields   "
        + (
            ", ".join(f"{len(each)} of {parent}" for parent, each in found.custom_fields.items())
            or "none, or none that the token may see"
        ),
        *(f"custom fields   differ in letter case only: {each}" for each in found.twins),
        "tenant token    "
        + (
            "is set; whether it is the tenant's, no sink says"
            if connection.tenant_token
            else "is not set: nothing can be sent to the sinks (activities, metrics)"
        ),
        "Not to be seen by reading: what the bulk upsert says of a row that failed; whether a "
        "metric may name its object by _id; what becomes of an address twice in one company.",
    ]
    return lines
