"""Metrics of a day → Planhat's sink: a LAST metric by its value, a SUM by its difference.

The sink answers before it looks, and names what is written wrong only. What became of the rest is
read back (`read_back.py`).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from include.planhat.api.client import Client
from include.planhat.api.errors import OutcomeUnknownError
from include.push.sending import Accepted, Outcome, Rejected, Unknown
from include.push.to_planhat import said
from include.push.to_planhat.rows import Row

# By which an error is tied to its item.
_KEYS = ("dimensionId", "externalId", "model", "date")


def send(client: Client, rows: Sequence[Row]) -> Outcome:
    """Hand over what differs. Raises `PlanhatError` where nothing was taken."""
    items = {index: item for index, row in enumerate(rows) if (item := _item(row)) is not None}
    if not items:
        return Accepted()
    adds_up = any(row.payload["aggregation"] == "SUM" for row in rows)
    try:
        errors = client.metrics(list(items.values()), repeat="never" if adds_up else "harmless")
    except OutcomeUnknownError as lost:
        return Unknown("outcome_unknown", str(lost))
    rejected: dict[int, Rejected] = {}
    for error in errors:
        found = [index for index, item in items.items() if said.is_about(error, item, _KEYS)]
        if not found:
            return Unknown(
                "outcome_unknown", f"some were refused, and not said which: {said.words(error)}"
            )
        rejected.update({index: Rejected("refused", said.words(error)) for index in found})
    return Accepted(rejected)


def _item(row: Row) -> dict[str, Any] | None:
    """One metric; None where Planhat has its value."""
    payload = row.payload
    value = _number(payload["value"])
    if payload["aggregation"] == "SUM" and row.known is not None:
        value = _difference(value, _number(row.known["value"]))
        if value == 0:
            return None
    return {
        "dimensionId": payload["dimension"],
        "value": value,
        "externalId": payload["external_id"],
        "model": payload["planhat_model"],
        "date": payload["metric_date"],
    }


def _number(value: Any) -> int | float:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _difference(value: float, before: float) -> int | float:
    """Exact in decimals: 0.3 after 0.1 is 0.2 more."""
    return _number(float(Decimal(str(value)) - Decimal(str(before))))
