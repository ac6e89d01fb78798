"""The documents, by model: ids that grow with time, indexes by key, and what is hidden."""

import bisect
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.played_planhat.kinds import KINDS, Kind

Document = dict[str, Any]

# What Planhat makes of an enduser's activities.
_MADE = ("lastActive", "beats")

# Where ids begin: as a Mongo of mid 2024 would make them.
_FIRST_ID = 0x66B0C1D2 << 64


class Refusal(Exception):
    """A request, or a row of one, that is turned down: an HTTP status and a text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def now() -> str:
    """The time as every document has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Collection:
    """The documents of one model."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.by_id: dict[str, Document] = {}
        # ids in order
        self.shown: list[str] = []
        self.hidden: list[str] = []
        self._by_key: dict[tuple[str, ...], list[str]] = defaultdict(list)

    def put(self, document: Document) -> None:
        """Store a document, new or another version of one."""
        identifier = document["_id"]
        if identifier in self.by_id:
            self._forget(identifier)
        self.by_id[identifier] = document
        bisect.insort(self._list_of(document), identifier)
        for key in self._keys(document):
            self._by_key[key].append(identifier)

    def remove(self, identifier: str) -> None:
        """It is gone."""
        self._forget(identifier)
        del self.by_id[identifier]

    def with_source(self, source_id: str) -> list[Document]:
        """The documents with this key of a CRM."""
        return self._found(("source", source_id))

    def with_external(self, external_id: str, company: str | None = None) -> list[Document]:
        """The documents with this external id, of one company or of all."""
        if company is None or self.kind.is_company:
            return self._found(("external", external_id))
        return self._found(("external", external_id, company))

    def with_email(self, email: str, company: str) -> list[Document]:
        """The documents with this address in one company."""
        return self._found(("email", email.lower(), company))

    def named(self, word: str) -> Document:
        """What `<_id>`, `extid-…` or `srcid-…` names. Raises `Refusal` (404)."""
        if word.startswith("extid-"):
            found = self.with_external(word.removeprefix("extid-"))
        elif word.startswith("srcid-"):
            found = self.with_source(word.removeprefix("srcid-"))
        else:
            found = [self.by_id[word]] if word in self.by_id else []
        if not found:
            raise Refusal(404, f"{self.kind.word} not found")
        return found[0]

    def _found(self, key: tuple[str, ...]) -> list[Document]:
        return [self.by_id[identifier] for identifier in self._by_key.get(key, ())]

    def _list_of(self, document: Document) -> list[str]:
        is_hidden = self.kind.hidden_by is not None and document.get(self.kind.hidden_by) is True
        return self.hidden if is_hidden else self.shown

    def _forget(self, identifier: str) -> None:
        document = self.by_id[identifier]
        ids = self._list_of(document)
        del ids[bisect.bisect_left(ids, identifier)]
        for key in self._keys(document):
            self._by_key[key].remove(identifier)

    def _keys(self, document: Document) -> Iterator[tuple[str, ...]]:
        company = str(document.get(self.kind.company_key or "") or "")
        if source := document.get("sourceId"):
            yield "source", str(source)
        if external := document.get(self.kind.external_key):
            yield "external", str(external)
            yield "external", str(external), company
        if (email := document.get("email")) and isinstance(email, str):
            yield "email", email.lower(), company


class Documents:
    """Everything that the tenant has."""

    def __init__(self) -> None:
        self.of = {path: Collection(kind) for path, kind in KINDS.items()}
        self._next_id = _FIRST_ID

    def add_kind(self, kind: Kind) -> None:
        """A model more."""
        self.of.setdefault(kind.path, Collection(kind))

    def new_id(self) -> str:
        """An id greater than all there are."""
        self._next_id += 1
        return f"{self._next_id:024x}"

    def load(self, path: str, documents: Iterable[Document]) -> int:
        """Put documents that have their ids already; returns how many. Raises `KeyError`.

        One that is there as it is said stays as it is, its times too; so does what Planhat has made
        of activities.
        """
        collection = self.of[path]
        count = 0
        for document in documents:
            before = collection.by_id.get(document["_id"], {})
            times = {"createdAt": before.get("createdAt") or now(), "updatedAt": now()}
            made = {name: before[name] for name in _MADE if name in before}
            put = {**times, "custom": {}, **made, **document}
            if {**put, "updatedAt": None} != {**before, "updatedAt": None}:
                collection.put(put)
            self._next_id = max(self._next_id, int(document["_id"], 16))
            count += 1
        return count

    def company_of(self, word: Any) -> Document:
        """The company that a body names by `_id`, `extid-…` or `srcid-…`. Raises `Refusal`."""
        try:
            return self.of["companies"].named(str(word))
        except Refusal:
            raise Refusal(400, "companyId: company not found") from None

    def save(self, file: Path) -> None:
        """Write everything into a file, whole or not at all."""
        by_path = {path: list(each.by_id.values()) for path, each in self.of.items()}
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(by_path, ensure_ascii=False))
        os.replace(beside, file)

    def restore(self, file: Path) -> None:
        """Read what `save` wrote; a path that is not known is a model that somebody made."""
        for path, documents in json.loads(file.read_text()).items():
            if path in self.of:
                self.load(path, documents)
