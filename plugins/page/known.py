"""Only fields that a route knows: `dryrun` for `dry_run` is refused, and pushes nothing."""

from collections.abc import Iterable
from typing import Any

from fastapi import Depends, HTTPException, Request
from fastapi.dependencies.utils import get_flat_dependant

from include.nearest import unknown
from plugins.page.in_words import NO_TEXT_SENT, has_text


async def _refuse_unknown_fields(request: Request) -> None:
    """422 with the nearest known field, of the query and of a JSON body's first level.

    FastAPI leaves out what a route does not name, and the default of what was meant would hold.
    """
    route = request.scope["route"]
    named = get_flat_dependant(route.dependant).query_params
    refuse_unknown(request.query_params, [each.alias for each in named], "parameter")
    if route.body_field is None:
        return
    try:
        sent = await request.json()
    except (ValueError, RecursionError):  # what is no JSON, FastAPI refuses
        return
    if not has_text(sent):
        raise HTTPException(422, NO_TEXT_SENT)
    fields = getattr(route.body_field.field_info.annotation, "model_fields", {})
    if isinstance(sent, dict):
        refuse_unknown(sent, fields, "field")


def refuse_unknown(given: Iterable[Any], known: Iterable[str], kind: str) -> None:
    """Raise a 422 that names the nearest known word."""
    if problem := unknown(map(str, given), known, kind):
        raise HTTPException(422, f"{problem} Nothing was done.")


known_fields = Depends(_refuse_unknown_fields)
