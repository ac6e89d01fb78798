"""The bulk upsert: the first of `_id`, `sourceId`, `externalId` that is there, else an insert.

Its answer is not positional: what became of which row is told by keys, and of a row that failed in
one of three shapes.
"""

from typing import Any

from include.played_planhat.documents import Collection, Document, Documents, Refusal
from include.played_planhat.switches import Switches
from include.played_planhat.writing import conflict, create, update

Answer = dict[str, Any]


def upsert(documents: Documents, path: str, rows: Any, switches: Switches) -> tuple[int, Answer]:
    """Write every row that can be; (status, body). Raises `Refusal` when none is looked at."""
    if not isinstance(rows, list):
        raise Refusal(400, "a list of objects is expected")
    if len(rows) > switches.bulk_rows:
        raise Refusal(400, f"at most {switches.bulk_rows} objects a request")
    answer = empty_answer()
    if path in switches.denied_writes:
        answer["permissionErrors"] = [
            _item("permission denied", row, place, switches) for place, row in enumerate(rows)
        ]
        return 403, answer
    collection = documents.of[path]
    seen: set[tuple[str, str]] = set()
    for place, row in enumerate(rows):
        _write(documents, collection, row, place, seen, answer, switches)
    failed = answer["createdErrors"] or answer["updatedErrors"]
    return (switches.bulk_status if failed else 200), answer


def empty_answer() -> Answer:
    """An answer about nothing."""
    return {
        "created": 0, "createdErrors": [], "insertsKeys": [],
        "updated": 0, "updatedErrors": [], "updatesKeys": [],
        "nonupdates": 0, "modified": [], "upsertedIds": [], "permissionErrors": [],
    }  # fmt: skip


def _write(
    documents: Documents, collection: Collection, row: Any, place: int,
    seen: set[tuple[str, str]], answer: Answer, switches: Switches,
) -> None:  # fmt: skip
    found = None
    try:
        if not isinstance(row, dict):
            raise Refusal(400, "an object is expected")
        found = _match(documents, collection, row, switches)
        _refuse_repeats(collection, row, found, seen)
        beside = {**(found or {}), **_company(documents, collection, row)}
        if taken := conflict(collection, beside, row, switches):
            raise Refusal(400, taken)
        if found is None:
            stored = create(documents, collection, row)
            answer["created"] += 1
            answer["insertsKeys"].append(_keys(collection, stored))
            answer["upsertedIds"].append(stored["_id"])
            return
        stored, differs = update(documents, collection, found, row)
    except Refusal as refused:
        errors = "createdErrors" if found is None else "updatedErrors"
        answer[errors].append(_item(refused.message, row, place, switches))
        return
    if differs:
        answer["updated"] += 1
        answer["updatesKeys"].append(_keys(collection, stored))
        answer["modified"].append(stored["_id"])
    else:
        answer["nonupdates"] += 1


def _match(
    documents: Documents, collection: Collection, row: dict[str, Any], switches: Switches
) -> Document | None:
    if (identifier := row.get("_id")) and identifier in collection.by_id:
        return collection.by_id[identifier]
    if (source := row.get("sourceId")) and (found := collection.with_source(str(source))):
        return found[0]
    kind = collection.kind
    company = _company(documents, collection, row).get(kind.company_key or "")
    external = row.get(kind.external_key)
    if external and (found := collection.with_external(str(external), company or "")):
        return found[0]
    email = row.get("email")
    if switches.match_email and isinstance(email, str) and company:
        found = collection.with_email(email, company)
        return found[0] if len(found) == 1 else None
    return None


def _company(documents: Documents, collection: Collection, row: dict[str, Any]) -> dict[str, str]:
    key = collection.kind.company_key
    if key is None or not row.get(key):
        return {}
    return {key: documents.company_of(row[key])["_id"]}


def _refuse_repeats(
    collection: Collection, row: dict[str, Any], found: Document | None,
    seen: set[tuple[str, str]],
) -> None:  # fmt: skip
    """A key twice in one request: the second is refused."""
    kind = collection.kind
    external = row.get(kind.external_key)
    keys = {("_id", found["_id"])} if found else set()
    if external:
        keys.add((str(row.get(kind.company_key or "", "")), str(external)))
    if keys & seen:
        raise Refusal(400, f"{kind.external_key} duplicated")
    seen |= keys


def _keys(collection: Collection, document: Document) -> dict[str, Any]:
    names = ("_id", collection.kind.external_key, "sourceId")
    return {name: document[name] for name in names if document.get(name)}


def _item(message: str, row: Any, place: int, switches: Switches) -> Any:
    if switches.error_item == "string":
        return message
    if switches.error_item == "message":
        return {"message": message}
    return {"message": message, "item": row, "index": place}
