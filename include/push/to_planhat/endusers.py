"""Endusers that we created → Planhat, by bulk upsert: looked for before, and read back after.

An answer of 200 says little: a custom field with another spelling is stored where nobody sees it,
and rows are named in the answer by keys at best. So what counts is what Planhat has afterwards.
Nothing that Planhat has is changed, unless it is as we sent it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from include.nearest import unknown
from include.planhat.api.answers import Upserted
from include.planhat.api.client import Client
from include.planhat.api.errors import OutcomeUnknownError, PlanhatAwayError, PlanhatError
from include.push.sending import Accepted, Outcome, Refused, Rejected, Unknown
from include.push.to_planhat import said
from include.push.to_planhat.looking import Endusers, Found, look
from include.push.to_planhat.rows import Row

# Our columns by Planhat's names.
NAMES = {
    "external_id": "externalId", "email": "email", "first_name": "firstName",
    "last_name": "lastName", "position": "position", "phone": "phone", "custom": "custom",
}  # fmt: skip

# By which an error is tied to its row.
_KEYS = ("companyId", "externalId", "email")


def send(client: Client, rows: Sequence[Row], custom_fields: Mapping[str, str]) -> Outcome:
    """Write what is not there yet. `custom_fields`: those of endusers that Planhat shows.

    Raises `PlanhatError` where nothing was written.
    """
    there = look(client, {_company(row) for row in rows})
    rejected: dict[int, Rejected] = {}
    to_write: dict[int, dict[str, Any]] = {}
    names: set[tuple[str, str]] = set()
    for index, row in enumerate(rows):
        item = _item(row.payload)
        verdict = _refused(row, item, there, custom_fields) or _repeated(row, item, names)
        if verdict is not None:
            rejected[index] = verdict
        elif (mine := _mine(item, there)) is None:
            to_write[index] = item
        elif _differences(item, mine):
            to_write[index] = {**item, "_id": mine["_id"]}
    if not to_write:
        return Accepted(rejected)
    outcome = _write(client, to_write)
    if isinstance(outcome, Accepted):
        return Accepted({**rejected, **outcome.rejected})
    return outcome


def _write(client: Client, to_write: dict[int, dict[str, Any]]) -> Outcome:
    """Upsert, then look: what is there as it was sent has arrived, whatever the answer said."""
    answer: Upserted | None = None
    lost: PlanhatError | None = None
    # without an external id no key is there by which a repeat would find what it made
    has_keys = all("_id" in item or "externalId" in item for item in to_write.values())
    try:
        answer = client.upsert(
            "endusers", list(to_write.values()), repeat="harmless" if has_keys else "never"
        )
    except PlanhatError as error:
        if not (
            isinstance(error, OutcomeUnknownError | PlanhatAwayError) or error.is_after_silence
        ):
            raise
        lost = error
    try:
        there = look(client, {item["companyId"] for item in to_write.values()})
    except PlanhatError as error:
        return Unknown("outcome_unknown", f"it was sent, and could not be looked at: {error}")
    rejected: dict[int, Rejected] = {}
    missing: dict[int, dict[str, Any]] = {}
    for index, item in to_write.items():
        mine = _mine(item, there)
        if mine is None:
            missing[index] = item
        elif differences := _differences(item, mine):
            rejected[index] = Rejected(
                "stored_otherwise", f"Planhat answered, and has another {', '.join(differences)}"
            )
    if lost is not None and (missing or rejected):
        return Unknown("outcome_unknown", str(lost))
    if answer is None or not missing:
        return Accepted(rejected)
    return _explained(client, missing, answer, rejected, is_alone=len(to_write) == 1)


def _explained(
    client: Client,
    missing: dict[int, dict[str, Any]],
    answer: Upserted,
    rejected: dict[int, Rejected],
    *,
    is_alone: bool,
) -> Outcome:
    """Why rows are not there: as the answer says by a key of theirs, else by trying halves."""
    if answer.denied and not answer.inserted and not answer.updated:
        return Refused("no_permission", said.words(answer.denied[0]), is_content=False)
    errors = [*answer.failed, *answer.denied]
    untold = {}
    for index, item in missing.items():
        why = next((said.words(each) for each in errors if said.is_about(each, item, _KEYS)), None)
        if why is None and is_alone:
            why = said.words(errors[0]) if errors else "Planhat answered, and does not have it"
        if why is None:
            untold[index] = item
        else:
            rejected[index] = Rejected("not_stored", why)
    halves = [dict(list(untold.items())[part::2]) for part in (0, 1)]
    for half in filter(None, halves):
        try:
            outcome = _write(client, half)
        except PlanhatError as error:
            # of others it is known that they are there: the next push looks for all of them
            return Unknown("outcome_unknown", f"a part was sent: {error}")
        if not isinstance(outcome, Accepted):
            return outcome
        rejected.update(outcome.rejected)
    return Accepted(rejected)


def _refused(
    row: Row, item: dict[str, Any], there: Endusers, custom_fields: Mapping[str, str]
) -> Rejected | None:
    """Why this one must not be written, by what Planhat has."""
    mine = _mine(item, there)
    if mine is not None and not row.sent_before:
        return Rejected("already_there", "Planhat has it by now; the next read brings it")
    if mine is not None and not any(_is_as(sent, mine) for sent in row.sent_before):
        fields = _differences(_item(row.sent_before[-1]), mine)
        return Rejected(
            "changed_there",
            f"somebody changed its {', '.join(fields)} in Planhat since we sent it: "
            "it is Planhat's now",
        )
    if mine is None and there.with_email(item["companyId"], item["email"]):
        return Rejected(
            "address_taken", "an enduser of its company has the address by now; the next read "
            "brings it",
        )  # fmt: skip
    for name in item.get("custom") or ():
        if problem := unknown([name], custom_fields, "custom field of endusers"):
            return Rejected("unknown_custom_field", problem)
    return None


def _repeated(row: Row, item: dict[str, Any], names: set[tuple[str, str]]) -> Rejected | None:
    """Two of one batch with one key would be one enduser there, or an error of the whole batch."""
    keys = {(_company(row), f"email {item['email'].lower()}")}
    if "externalId" in item:
        keys.add((_company(row), f"id {item['externalId']}"))
    if keys & names:
        return Rejected("key_repeated", "another one of the batch has its external id or address")
    names.update(keys)
    return None


def _company(row: Row) -> str:
    return row.payload["company_id"]


def _item(payload: dict[str, Any]) -> dict[str, Any]:
    """A row of a bulk upsert; what is null is left out, and so stays as it is."""
    fields = {
        name: payload[column]
        for column, name in NAMES.items()
        if payload.get(column) not in (None, {})
    }
    return {"companyId": payload["company_id"], **fields}


def _mine(item: dict[str, Any], there: Endusers) -> Found | None:
    """The enduser that this one is there, by its key."""
    if "externalId" in item:
        return there.with_external(item["companyId"], item["externalId"])
    found = there.with_email(item["companyId"], item["email"])
    return found[0] if len(found) == 1 else None


def _differences(item: dict[str, Any], mine: Found) -> list[str]:
    """Names of fields that Planhat has otherwise than they are sent."""
    different = []
    for name, value in item.items():
        if name == "custom":
            stored = mine.get("custom") or {}
            different += [f"custom {key}" for key in value if stored.get(key) != value[key]]
        elif name == "email":
            if str(mine.get(name) or "").strip().lower() != value.lower():
                different.append(name)
        elif name != "_id" and mine.get(name) != value:
            different.append(name)
    return different


def _is_as(sent: dict[str, Any], mine: Found) -> bool:
    """Whether Planhat has it as it was sent."""
    return not _differences(_item(sent), mine)
