"""Asking for what a list did not have, one by one: is it gone, or only out of sight?

A list leaves out what is archived, and what moved while it was read; only a 404 for the object
itself says that it is gone. So many a model and read, because each is a call.
"""

import msgspec

from include.planhat.api.client import Client
from include.planhat.api.errors import RefusedError
from include.planhat.api.fields import selected
from include.planhat.api.kept import Kept
from include.planhat.api.pages import Position, Row
from include.planhat.deletions import Answers
from include.planhat.models import Model

# What the answers are kept as, beside the passes. It sorts after them: it is newer.
ASKED = "~asked"

# Where an object of a model is asked for, where it is not the model's own path.
_SINGLE = {"ticket": "conversations"}


def ask(client: Client, kept: Kept, model: Model) -> Answers:
    """What Planhat says of the objects that the passes did not list; those found are kept."""
    waiting, believed = kept.not_listed(model)
    if not waiting:
        return Answers()
    if doubt := kept.doubt(model):
        return Answers(there=believed, reason=doubt)
    if why := _cannot_tell(client, kept, model):
        return Answers(there=believed, reason=why)
    most = kept.most_asked()
    there: list[Row] = []
    gone: list[str] = []
    for identifier in waiting[:most]:
        raw = one(client, model, identifier)
        if raw is None:
            gone.append(identifier)
        else:
            there.append(Row(identifier, raw))
    kept.believe(model, [row.id for row in there if row.id], gone)
    kept.keep(model, ASKED, 1, there, Position(has_ended=True))
    reason = f"a read asks Planhat for {most:,} of a model, and the next read for the others"
    return Answers(frozenset(gone), believed - {*gone}, reason)


def one(client: Client, model: Model, identifier: str) -> bytes | None:
    """One object with the fields that a list would have; None when there is none."""
    raw = client.object(_SINGLE.get(model.name, model.path), identifier)
    names = selected(model)
    if raw is None or not names:
        return raw
    fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return msgspec.json.encode(
        {name: value for name, value in fields.items() if name in ("_id", *names)}
    )


def tells_by_404(model: Model) -> bool:
    """Whether a 404 for one object says that it is gone, by what Planhat publishes of the model."""
    return not model.is_custom and model.name not in _SINGLE


def _cannot_tell(client: Client, kept: Kept, model: Model) -> str | None:
    """Why a 404 would say nothing of this model: it is not there one by one at all."""
    listed = kept.listed(model)
    try:
        if listed is not None and one(client, model, listed) is not None:
            return None
        if listed is None and tells_by_404(model):
            return None
    except RefusedError as error:
        return f"Planhat does not answer for single ones ({error.status})"
    return "Planhat answers for none of them one by one, not even for those that it lists"
