"""The record in Planhat that a row is about: named in a query, and linked for who reads it."""

from typing import Any

from include.planhat.app_links import record_link


def record(payload: str, model: str) -> str:
    """Columns `planhat_model` and `planhat_id` of what a payload says; null where it says none.

    A metric is about its object, an activity about its enduser, anything else about itself.
    `payload` and `model` are SQL of ours.
    """
    return f"""
        case
            when {payload} ? 'planhat_model' then lower({payload} ->> 'planhat_model')
            when {payload} ? 'activity_date' then 'enduser'
            else {model}
        end as planhat_model,
        coalesce({payload} ->> 'planhat_id', {payload} ->> 'enduser_id') as planhat_id
    """


def linked(row: dict[str, Any], pattern: str | None) -> dict[str, Any]:
    """A row with the address of its record in Planhat's app (`planhat_url`), null where none."""
    model, planhat_id = row.pop("planhat_model", None), row.pop("planhat_id", None)
    return {**row, "planhat_url": record_link(pattern, model, planhat_id)}
