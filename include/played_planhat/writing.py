"""One document written: what is dropped of a body, kept and refused, and what is worked out."""

from collections.abc import Mapping
from typing import Any

from include.played_planhat.documents import Collection, Document, Documents, Refusal, now
from include.played_planhat.kinds import ALWAYS, COMPUTED, Kind
from include.played_planhat.switches import Switches

# A task with one of these is archived, and with that out of sight.
_DONE = ("done", "completed")


def create(documents: Documents, collection: Collection, fields: Any) -> Document:
    """A new document, whatever keys others have. Raises `Refusal`."""
    kind = collection.kind
    known = _readable(kind, fields)
    document = {"_id": documents.new_id(), "custom": {}, "createdAt": now(), "__v": 0}
    _merge(documents, kind, document, known)
    for name in kind.required:
        if document.get(name) in (None, ""):
            raise Refusal(400, f"{name} is required")
    return _stored(documents, collection, document)


def update(
    documents: Documents, collection: Collection, document: Document, fields: Any
) -> tuple[Document, bool]:
    """The document with these fields; the others stay. And whether anything differs.

    `updatedAt` moves all the same. Raises `Refusal`.
    """
    before = {**document, "custom": {**document.get("custom", {})}}
    after = {**before, "custom": {**before["custom"]}}
    _merge(documents, collection.kind, after, _readable(collection.kind, fields))
    differs = after != before
    return _stored(documents, collection, after), differs


def conflict(
    collection: Collection, document: Document, fields: Mapping[str, Any], switches: Switches
) -> str | None:
    """Why a document cannot have these keys beside what is there; None if it can."""
    kind = collection.kind
    company = document.get(kind.company_key or "") or ""
    external = fields.get(kind.external_key)
    taken = []
    if external and _others(collection.with_external(str(external), str(company)), document):
        taken.append(kind.external_key)
    email = fields.get("email")
    if (
        kind.path == "endusers"
        and switches.one_email_a_company
        and isinstance(email, str)
        and _others(collection.with_email(email, str(company)), document)
    ):
        taken.append("email")
    return f"{','.join(taken)} duplicated" if taken else None


def _others(found: list[Document], document: Document) -> bool:
    return any(each["_id"] != document.get("_id") for each in found)


def _stored(documents: Documents, collection: Collection, document: Document) -> Document:
    document["updatedAt"] = now()
    document = _derived(documents, collection.kind, document)
    collection.put(document)
    return document


def _readable(kind: Kind, fields: Any) -> dict[str, Any]:
    """What of a body is stored: known fields, and anything in `custom`, nested or dotted."""
    if not isinstance(fields, dict):
        raise Refusal(400, "an object is expected")
    known = {
        name: value
        for name, value in fields.items()
        if name in (kind.fields | ALWAYS) - COMPUTED - {"custom"} or (name == kind.external_key)
    }
    if kind.path == "companies":
        known.pop("status", None)  # worked out, of its licenses
    custom = fields.get("custom", {})
    if not isinstance(custom, dict):
        raise Refusal(400, "custom must be an object")
    dotted = {
        name.removeprefix("custom."): value
        for name, value in fields.items()
        if name.startswith("custom.")
    }
    custom = {**custom, **dotted}
    if len({name.lower() for name in custom}) < len(custom):
        raise Refusal(400, "two custom fields differ in letter case only")
    if custom:
        known["custom"] = custom
    return known


def _merge(documents: Documents, kind: Kind, document: Document, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name == "custom":
            for key, each in value.items():
                _check_choice(documents, kind, key, each)
                document["custom"][key] = each
        elif name == kind.company_key and value:
            document[name] = documents.company_of(value)["_id"]
        else:
            document[name] = value


def _check_choice(documents: Documents, kind: Kind, key: str, value: Any) -> None:
    """A field with a list of values takes no other. What is said names neither of the two."""
    for declared in documents.of["customfields"].by_id.values():
        if declared.get("parent") != kind.word or declared.get("name") != key:
            continue
        choices = declared.get("listValues")
        if choices and declared.get("type") in ("list", "multipicklist"):
            given = value if isinstance(value, list) else [value]
            if not set(map(str, given)) <= {*map(str, choices), ""}:
                raise Refusal(400, "Validation failed")


def _derived(documents: Documents, kind: Kind, document: Document) -> Document:
    if "companyName" in kind.fields and (company := document.get("companyId")):
        owner = documents.of["companies"].by_id.get(company)
        document["companyName"] = owner.get("name") if owner else document.get("companyName")
    if kind.path == "endusers":
        names = [document.get("firstName"), document.get("lastName")]
        if composed := " ".join(str(each) for each in names if each):
            document["name"] = composed
    if kind.path == "tasks" and str(document.get("status", "")).lower() in _DONE:
        document["isArchived"] = True
    return document
