"""CSV as Planhat's UI gives it: labels as headers, everything text, typed here per model.

A header is matched with the model's fields by its letters alone ("External Id", "externalId" and
"external_id" are one; "Id" is `_id`). A header that reads like a field's name (camelCase) stays a
field; every other one ("Renewal Risk", "custom.Renewal Risk") is a custom field. Known fields have
their model's type; a column nobody declared is a number, a boolean or a list only if every cell of
the file that is not blank is one, so that a column never mixes types. A blank cell is no value.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO

from include.planhat.check import Found, Problem
from include.planhat.models import Kind, Model

_LARGEST_CELL = 16 * 2**20
_EPOCH = date(1970, 1, 1)

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,2}(,\d{3})+|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,2})?")
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_FIELD_NAME = re.compile(r"_?[a-z][A-Za-z0-9]*")
# A custom column with such a word in its name holds identifiers: text, however it looks.
_IDENTIFIES = re.compile(r"\b(ids?|key|code|phone|zip|postcode|number|no|nr|sku)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Column:
    name: str
    kind: Kind
    is_custom: bool = False


def objects_of(
    origin: str, model: Model, opened: Callable[[], AbstractContextManager[BinaryIO]]
) -> Iterator[Found]:
    """Every row of a CSV file as an object. `opened` opens the file; it is read twice, first to
    see what its custom columns hold.
    """
    with opened() as stream:
        header, problem = _header(stream, model)
        if problem:
            yield Found(origin, 1, ",".join(header)[:1_000], problem=problem)
            return
    with opened() as stream:
        columns = _columns(model, header, stream)
    with opened() as stream:
        for line, cells in _records(stream):
            yield _found(origin, line, columns, cells)


def _header(stream: BinaryIO, model: Model) -> tuple[list[str], Problem | None]:
    reader = _reader(stream)
    try:
        header: list[str] = next(reader, [])
    except csv.Error as error:
        return [], Problem("unreadable_file", f"not readable as CSV: {error}")
    names = [_known_name(model, label) for label in header]
    if "_id" not in names:
        reason = "the header has no column _id (or Id): without it no row can be told from another"
        return header, Problem("unreadable_file", reason)
    # a label that is no known field names a custom one
    columns = [name or label.strip() for name, label in zip(names, header, strict=True)]
    repeated = {name for name in columns if name and columns.count(name) > 1}
    if repeated:
        return header, Problem(
            "unreadable_file", f"the header has {', '.join(sorted(repeated))} more than once"
        )
    return header, None


def _records(stream: BinaryIO) -> Iterator[tuple[int, list[str] | Problem]]:
    """(the line a record begins on, its cells), the header left out."""
    reader = _reader(stream)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Problem("malformed", f"not readable as CSV: {error}")
            continue
        if line > 1 and any(cell.strip() for cell in cells):
            yield line, cells


def _reader(stream: BinaryIO) -> Any:
    csv.field_size_limit(_LARGEST_CELL)
    # What is not UTF-8 becomes half characters, by which the row is recognised and rejected.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    first = text.readline(_LARGEST_CELL)
    delimiter = max(",;\t", key=first.count)
    return csv.reader(_again(first, text), delimiter=delimiter, strict=True)


def _again(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from text


def _letters(label: str) -> str:
    return re.sub(r"[^0-9a-z]", "", label.casefold())


def _known_name(model: Model, label: str) -> str | None:
    labels = {_letters(known): name for known, name in model.labels.items()}
    labels |= {_letters(name): name for name in model.fields}
    labels |= {"id": "_id", "planhatid": "_id"}
    return labels.get(_letters(label))


def _columns(model: Model, header: list[str], stream: BinaryIO) -> list[_Column]:
    columns: list[_Column | None] = []
    for label in header:
        name = _known_name(model, label)
        if name is None or name == "custom":
            columns.append(None)
        else:
            columns.append(_Column(name, model.fields.get(name, Kind.TEXT)))
    kinds = _kinds_seen([at for at, column in enumerate(columns) if column is None], stream)
    return [
        column or _undeclared(label.strip(), kinds[at])
        for at, (label, column) in enumerate(zip(header, columns, strict=True))
    ]


def _undeclared(label: str, kind: Kind) -> _Column:
    if _letters(label) == "custom":
        return _Column("custom", Kind.OBJECT)
    is_custom = label.startswith("custom.") or not _FIELD_NAME.fullmatch(label)
    name = label.removeprefix("custom.")
    return _Column(name, Kind.TEXT if _IDENTIFIES.search(name) else kind, is_custom)


def _kinds_seen(positions: list[int], stream: BinaryIO) -> dict[int, Kind]:
    """What every non-blank cell of each of these columns can be read as; text if nothing else."""
    possible = {at: [Kind.NUMBER, Kind.BOOLEAN, Kind.LIST] for at in positions}
    seen: set[int] = set()
    for _, cells in _records(stream) if positions else ():
        if isinstance(cells, Problem):
            continue
        for at in positions:
            cell = cells[at].strip() if at < len(cells) else ""
            if cell:
                seen.add(at)
                possible[at] = [kind for kind in possible[at] if _could_be(kind, cell)]
    return {at: possible[at][0] if at in seen and possible[at] else Kind.TEXT for at in positions}


def _could_be(kind: Kind, cell: str) -> bool:
    if kind is Kind.NUMBER:
        return _NUMBER.fullmatch(cell) is not None
    if kind is Kind.BOOLEAN:
        return cell.casefold() in ("true", "false")
    return cell.startswith("[") and isinstance(_json(cell), list)


def _json(cell: str) -> Any:
    try:
        return json.loads(cell, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _found(origin: str, line: int, columns: list[_Column], cells: list[str] | Problem) -> Found:
    if isinstance(cells, Problem):
        return Found(origin, line, "", problem=cells)
    by_name = dict(zip((column.name for column in columns), cells, strict=False))
    # As JSON, so that a reject's text shows names, and its _id can be read.
    text = json.dumps(by_name, ensure_ascii=False)
    if any("\udc80" <= character <= "\udcff" for character in text):
        return Found(origin, line, text, problem=Problem("malformed", "not valid UTF-8"))
    if len(cells) != len(columns):
        reason = f"it has {len(cells)} cells, the header has {len(columns)}"
        return Found(origin, line, text, problem=Problem("malformed", reason))
    fields: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell.strip():
            target = custom if column.is_custom else fields
            target[column.name] = _READERS[column.kind](cell)
    if custom:
        named = fields.get("custom")
        fields["custom"] = {**named, **custom} if isinstance(named, dict) else custom
    return Found(origin, line, text, fields=fields)


# A cell that cannot be read as its column's kind is left as text: the check then rejects the row
# and says which field it was.


def _number(cell: str) -> Any:
    cell = cell.strip()
    plain = re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?", cell) or _NUMBER.fullmatch(cell)
    if not plain:
        return cell
    number = Decimal(cell.replace(",", ""))
    return int(number) if number == number.to_integral_value() and "." not in cell else number


def _boolean(cell: str) -> Any:
    return _BOOLEANS.get(cell.strip().casefold(), cell)


def _day(cell: str) -> Any:
    try:
        return (date.fromisoformat(cell.strip()[:10]) - _EPOCH).days
    except ValueError:
        return _number(cell)


def _list(cell: str) -> Any:
    cell = cell.strip()
    if cell.startswith("["):
        value = _json(cell)
        return value if isinstance(value, list) else cell
    separator = ";" if ";" in cell else ","
    return [part.strip() for part in cell.split(separator) if part.strip()]


def _object(cell: str) -> Any:
    value = _json(cell)
    return value if isinstance(value, dict) else cell


def _currency(cell: str) -> Any:
    return _object(cell) if cell.strip().startswith("{") else cell.strip()


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: str.strip,
    Kind.DAY: _day,
    Kind.LIST: _list,
    Kind.OBJECT: _object,
    Kind.CURRENCY: _currency,
}
