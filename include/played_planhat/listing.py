"""A page of a model: what a list has neither an envelope nor a total for."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from include.played_planhat.documents import Collection, Document, Documents, Refusal
from include.played_planhat.switches import Switches

DEFAULT_LIMIT = 100
_LEAN = ("name",)
# Fields that may be asked for: equal, and nothing else.
_FILTERS = {"email", "type", "parent", "status", "externalId", "sourceId"}


def page(
    documents: Documents, path: str, asked: Mapping[str, str], switches: Switches
) -> list[Document]:
    """The rows of one page. Raises `Refusal` for a limit beyond the cap, where caps refuse."""
    collection = documents.of[path]
    limit = bounded_limit(path, asked, switches)
    offset = whole(asked, "offset", 0)
    ids = _ids(documents, collection, asked, switches)
    rows = (collection.by_id[each] for each in islice(ids, offset, offset + limit))
    chosen = [_chosen(row, asked.get("select"), switches) for row in rows]
    return _within(chosen, switches.page_bytes)


def one(document: Document, switches: Switches) -> Document:
    """A single document, whole."""
    return _chosen(document, "ALL", switches)


def bounded_limit(path: str, asked: Mapping[str, str], switches: Switches) -> int:
    """How many rows a page may have. Raises `Refusal` beyond the cap, where caps refuse."""
    limit = whole(asked, "limit", DEFAULT_LIMIT)
    cap = switches.cap_of(path)
    if switches.cap == "none" or limit <= cap:
        return limit
    if switches.cap == "refuse":
        raise Refusal(400, f"limit must be at most {cap}")
    return cap


def whole(asked: Mapping[str, str], name: str, default: int) -> int:
    """A number that is asked with. Raises `Refusal`."""
    text = asked.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, f"{name} must be a number")
    return int(text)


def _ids(
    documents: Documents, collection: Collection, asked: Mapping[str, str], switches: Switches
) -> Iterable[str]:
    """The ids of all that fits, in the order that was asked for."""
    ids: list[str] = collection.shown
    if (hidden_by := collection.kind.hidden_by) and asked.get(hidden_by) == "true":
        ids = collection.hidden
    filters = {name: asked[name] for name in _FILTERS if asked.get(name)}
    companies = asked.get("companyId")
    if filters or companies:
        allowed = _companies(documents, companies, switches) if companies else None
        ids = [
            each
            for each in ids
            if _fits(collection.by_id[each], filters, allowed, collection.kind.company_key)
        ]
    order = asked.get("sort", "")
    if not switches.sorts or order in ("", "_id"):
        if not switches.sorts:
            # of their making, the newest first: an order, and not the one that was asked for
            return reversed(ids)
        return ids
    name = order.removeprefix("-")
    return sorted(
        ids, key=lambda each: _sortable(collection.by_id[each].get(name)),
        reverse=order.startswith("-"),
    )  # fmt: skip


def _companies(documents: Documents, words: str, switches: Switches) -> set[str]:
    known = documents.of["companies"]
    found = set()
    for word in words.split(","):
        try:
            found.add(known.named(word)["_id"])
        except Refusal:
            if switches.unknown_company == "missing":
                raise
    return found


def _fits(
    row: Document, filters: dict[str, str], companies: set[str] | None, key: str | None
) -> bool:
    if companies is not None and row.get(key or "") not in companies:
        return False
    return all(str(row.get(name)) == value for name, value in filters.items())


def _sortable(value: Any) -> tuple[int, str]:
    # nothing comes first
    return (0, "") if value is None else (1, str(value))


def _chosen(row: Document, select: str | None, switches: Switches) -> Document:
    if select is None:
        names: Iterable[str] = row if switches.list_fields == "wide" else _LEAN
    elif select == "ALL":
        names = row
    else:
        names = select.split(",")
    chosen = {"_id": row["_id"], **{name: row[name] for name in names if name in row}}
    if isinstance(chosen.get("_currency"), str) and switches.currency == "object":
        chosen["_currency"] = _currency(chosen["_currency"])
    if isinstance(chosen.get("_currency"), dict) and switches.currency == "string":
        chosen["_currency"] = chosen["_currency"].get("symbol")
    return chosen


def _currency(symbol: str) -> dict[str, Any]:
    identifier = f"{int.from_bytes(symbol.encode()[:8], 'big'):024x}"
    return {"_id": identifier, "symbol": symbol, "rate": 1, "isBase": True, "overrides": {}}


def _within(rows: list[Document], most: int | None) -> list[Document]:
    """So many rows as fit; the first always does."""
    if most is None:
        return rows
    size = 0
    for count, row in enumerate(rows):
        size += len(json.dumps(row, ensure_ascii=False))
        if count and size > most:
            return rows[:count]
    return rows
