"""Where a record is in Planhat's app, for people.

How Planhat's app names a record is not published; `PLANHAT_APP_LINK` says it, and without it there
are no links.
"""

from urllib.parse import quote

from include.planhat.models import MODELS

_KNOWN = {model.name for model in MODELS}
# Planhat's words where they are not our name with a capital.
_WORDS = {"enduser": "EndUser", "nps": "NPS"}


def record_link(pattern: str | None, model: str | None, planhat_id: str | None) -> str | None:
    """The address of a record; None where there is no pattern, or none of Planhat's ids."""
    if not pattern or not planhat_id or model not in _KNOWN:
        return None
    word = _WORDS.get(model, model.capitalize())
    named = pattern.replace("{model}", model).replace("{Model}", word)
    return named.replace("{id}", quote(planhat_id, safe=""))
