"""Activities of a day that is over → Planhat's sink, once: no key makes a repeat harmless there."""

from collections.abc import Sequence
from typing import Any

from include.planhat.api.client import Client
from include.planhat.api.errors import OutcomeUnknownError
from include.push.sending import Accepted, Outcome, Unknown
from include.push.to_planhat.rows import Row


def send(client: Client, rows: Sequence[Row]) -> Outcome:
    """Hand over what was not sent yet. Raises `PlanhatError` where nothing was taken."""
    try:
        client.activities([_item(row) for row in rows])
    except OutcomeUnknownError as error:
        return Unknown("outcome_unknown", str(error))
    return Accepted()


def _item(row: Row) -> dict[str, Any]:
    """One enduser's of an event and day: how many more than Planhat has."""
    payload = row.payload
    before = row.known["count"] if row.known is not None else 0
    named = (
        {"externalId": payload["external_id"]}
        if payload["external_id"]
        else {"email": payload["email"]}
    )
    company = (
        {"companyExternalId": payload["company_external_id"]}
        if payload["company_external_id"]
        else {"companyId": payload["company_id"]}
    )
    return {
        **named,
        **company,
        "action": payload["event"],
        # the same day in every zone but the outermost
        "date": f"{payload['activity_date']}T12:00:00.000Z",
        "count": payload["count"] - before,
        "weight": payload["weight"],
    }
