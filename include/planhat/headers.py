"""One way to read a column's name.

A header names a field of the model by the field's own name (`externalId`), by its words however
they are joined and cased (`External Id`, `external_id`, `EXTERNAL-ID`), or by the label that
Planhat's UI has for it. `custom.Renewal Risk` names the custom field `Renewal Risk`. Anything else
in the label (`MRR %`, `Status?`) makes it another name: a field's name as programs write it
(`lastRenewal`) stays a field, every other one is a custom field under exactly that name.
"""

import re
from dataclasses import dataclass

from include.planhat.check import Problem
from include.planhat.models import Kind, Model

_FIELD_NAME = re.compile(r"_?[a-z][A-Za-z0-9]*")
_WORDS_ALONE = re.compile(r"[A-Za-z0-9_\-\s]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_CUSTOM = re.compile(r"custom\.\s*", re.IGNORECASE)

# Half characters and NUL, which Postgres takes in no text.
_NO_TEXT = re.compile("[\ud800-\udfff\x00]")

# What programs leave at the ends of a name, and nobody sees.
_INVISIBLE = "\ufeff\u200b\u2060\u00ad"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: the field it holds, its label there, and the type its model gives it.

    `kind` is None where the model says nothing: what the column has been decides.
    """

    field: str
    label: str
    kind: Kind | None = None

    @property
    def key(self) -> str | None:
        """The key of `custom` that it holds; None for a field of its own."""
        return self.field.removeprefix("custom.") if self.field.startswith("custom.") else None


def is_id(label: str) -> bool:
    """Whether a column of this label holds Planhat's ids."""
    return _field(label, {}, {}) == "_id"


def columns_of(model: Model, header: tuple[str, ...]) -> tuple[list[Column], Problem | None]:
    """The header's columns; a problem where several would be one, or one has no name."""
    by_words = {_words(name): name for name in model.fields}
    by_words |= {_words(label): name for label, name in model.labels.items()}
    by_name = {name.casefold(): name for name in model.fields}
    if any(map(_NO_TEXT.search, header)):
        return [], Problem("unreadable_file", "the header is no text: it holds half characters")
    columns = []
    for label in map(_trimmed, header):
        field = _field(label, by_words, by_name)
        if field == "custom." or (field == "" and label):
            return [], Problem("unreadable_file", f"the header has {label!r}, which names no field")
        kind = Kind.OBJECT if field == "custom" else model.fields.get(field)
        columns.append(Column(field, label, Kind.TEXT if field == "_id" else kind))
    by_field: dict[str, list[str]] = {}
    for column in columns:
        by_field.setdefault(column.field, []).append(column.label)
    repeated = [
        f"{field.removeprefix('custom.')} more than once ({', '.join(map(repr, labels))})"
        for field, labels in sorted(by_field.items())
        if field and len(labels) > 1
    ]
    if repeated:
        reason = f"the header has {', '.join(repeated)}: leave one of them"
        return columns, Problem("unreadable_file", reason)
    return columns, None


def _field(label: str, by_words: dict[tuple[str, ...], str], by_name: dict[str, str]) -> str:
    label = _trimmed(label)
    custom = _CUSTOM.match(label)
    if custom:
        return "custom." + label[custom.end() :]
    words = _words(label)
    if words in (("id",), ("planhat", "id")) or label.casefold() == "id":
        return "_id"
    known = by_words.get(words) if words else None
    known = known or by_name.get(label.casefold() if label.isascii() else label)
    if known:
        return known
    if not label or _FIELD_NAME.fullmatch(label):
        return label
    return f"custom.{label}"


def _words(label: str) -> tuple[str, ...]:
    """The words of a name, in small letters; empty where there is more in it than words."""
    if not _WORDS_ALONE.fullmatch(label):
        return ()
    return tuple(word.lower() for word in _WORD.findall(label))


def _trimmed(label: str) -> str:
    before = None
    while before != label:
        before, label = label, label.strip().strip(_INVISIBLE)
    return label
