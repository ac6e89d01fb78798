"""CSV as Planhat's UI gives it: labels as headers, everything text, typed here by column.

A file is read twice. The first time shows what its columns hold: the type of those that have none
yet, and which mark begins decimals. The second time makes the objects. A cell that does not fit its
column is left out of its object and said; a row that cannot be what it seems is a reject. A blank
cell is no value.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from include.planhat.cells import parsed, read_cell
from include.planhat.check import Found, Problem, Unread, is_time, shortened
from include.planhat.columns import THE_MODEL, Columns
from include.planhat.csv_text import Opened, Shape, records, shape_of
from include.planhat.decimals import COMMA, Tally, decide
from include.planhat.headers import Column, columns_of
from include.planhat.models import Kind, Model
from include.planhat.swallowed import MANY_LINES, lines_of, swallowing

# A custom column with such a word in its name holds identifiers: text, however it looks.
_IDENTIFIES = re.compile(r"\b(ids?|key|code|phone|zip|postcode|number|no|nr|sku)\b", re.IGNORECASE)

# As a number, 007 and +46 70 would lose what they say, and 20 digits some of them.
_NO_NUMBER = re.compile(r"\+.*|-?0\d+.*|.*\d{16}.*")

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

# A column of which more than half fits no longer is not a matter of cells.
_FROM_CELLS = 3


@dataclass(frozen=True)
class _File:
    """What is known of a file before its objects are made."""

    origin: str
    shape: Shape
    columns: list[Column]
    # as a reject's text shows them
    names: list[str]
    kinds: list[Kind]
    marks: list[str | None]
    # columns that never held several lines, though they held something
    of_one_line: frozenset[int]


@dataclass
class _Seen:
    """What a column's cells can be read as. `kind` is its type before this file, if it has one."""

    kind: Kind | None
    cells: int = 0
    misfits: int = 0
    numbers: Tally = field(default_factory=Tally)
    could_be: Counter[Kind] = field(default_factory=Counter)


def objects_of(
    origin: str,
    model: Model,
    opened: Opened,
    columns: Columns | None = None,
    decimal_mark: str | None = None,
) -> Iterator[Found]:
    """Every row of a CSV file as an object. `opened` opens the file; it is read several times.

    `columns` knows what the model's columns have been and learns what this file shows;
    `decimal_mark` is what a person says of the whole file.
    """
    past = columns or Columns(model)
    shape, header, problem = _header(model, opened)
    if problem:
        yield Found(origin, shape.line, shape.delimiter.join(shape.header)[:1_000], problem=problem)
        return
    seen = _look(opened, shape, header, past)
    file = _File(
        origin,
        shape,
        header,
        [column.label if column.key else column.field for column in header],
        _kinds(origin, shape, header, seen, past),
        _marks(shape, header, seen, past, decimal_mark),
        frozenset(
            at
            for at, column in enumerate(header)
            if (known := past.known(column)) is not None and not known.has_lines
        ),
    )
    yield from _columns_that_changed(file, seen, past)
    for line, cells in records(opened, shape):
        yield _found(file, line, cells, past)


def fields_of(model: Model, opened: Opened) -> set[str]:
    """The fields that a file has columns for; none where its header cannot be read."""
    _, header, problem = _header(model, opened)
    return set() if problem else {column.field for column in header}


def _header(model: Model, opened: Opened) -> tuple[Shape, list[Column], Problem | None]:
    shape, problem = shape_of(opened)
    if problem:
        return shape, [], problem
    columns, problem = columns_of(model, shape.header)
    return shape, columns, problem


# The first reading.


def _look(opened: Opened, shape: Shape, header: list[Column], past: Columns) -> list[_Seen]:
    seen = [_Seen(_kind_before(column, past)) for column in header]
    looked_at = [at for at, of_it in enumerate(seen) if of_it.kind is not Kind.TEXT]
    for _, cells in records(opened, shape) if looked_at else ():
        if isinstance(cells, Problem) or len(cells) != len(header):
            continue
        for at in looked_at:
            cell = cells[at].strip()
            if cell:
                seen[at].cells += 1
                _weigh(seen[at], cell)
    return seen


def _kind_before(column: Column, past: Columns) -> Kind | None:
    """The type that a column has before this file; None: it is to show one."""
    known = past.known(column)
    if column.kind is not None or known is not None:
        return column.kind or known.kind  # type: ignore[union-attr]
    return Kind.TEXT if _IDENTIFIES.search(column.field.removeprefix("custom.")) else None


def _weigh(seen: _Seen, cell: str) -> None:
    if seen.kind is Kind.NUMBER:
        seen.numbers.add(cell)
    elif seen.kind is None:
        if _NO_NUMBER.fullmatch(cell):
            seen.numbers.none += 1
        else:
            seen.numbers.add(cell)
        for possible, fits in _FITS.items():
            # one that did not fit is enough
            if seen.could_be[possible] == seen.cells - 1:
                seen.could_be[possible] += fits(cell)
    else:
        try:
            read_cell(seen.kind, cell, None)
        except ValueError:
            seen.misfits += 1


def _is_boolean(cell: str) -> bool:
    return cell.casefold() in ("true", "false")


def _is_list(cell: str) -> bool:
    return cell.startswith("[") and isinstance(parsed(cell), list)


_FITS = {Kind.BOOLEAN: _is_boolean, Kind.TIME: is_time, Kind.LIST: _is_list}


def _kinds(
    origin: str, shape: Shape, header: list[Column], seen: list[_Seen], past: Columns
) -> list[Kind]:
    """Each column's type; what this file is the first to show is kept."""
    kinds = []
    for column, of_it in zip(header, seen, strict=True):
        kind = of_it.kind or _shown(of_it, shape.delimiter)
        if column.field and (of_it.kind or of_it.cells):
            past.decide(column, kind, THE_MODEL if column.kind else origin)
        kinds.append(kind)
    return kinds


def _shown(seen: _Seen, delimiter: str) -> Kind:
    """What every cell of a column is; text if nothing else."""
    if not seen.cells:
        return Kind.TEXT
    numbers = seen.numbers
    # Between commas, 1,2 in quotes is a list or a name sooner than a number.
    is_odd = numbers.comma > 0 and (delimiter == "," or numbers.point > 0)
    if not numbers.none and not is_odd:
        return Kind.NUMBER
    return next((kind for kind in _FITS if seen.could_be[kind] == seen.cells), Kind.TEXT)


def _marks(
    shape: Shape, header: list[Column], seen: list[_Seen], past: Columns, said: str | None
) -> list[str | None]:
    """For each column of numbers, the mark that begins its decimals."""
    of_numbers = {
        at: seen[at].numbers
        for at, column in enumerate(header)
        if column.kind is Kind.NUMBER
        or ((known := past.known(column)) is not None and known.kind is Kind.NUMBER)
    }
    marks: list[str | None] = [None] * len(header)
    for at, own in of_numbers.items():
        known = past.known(header[at])
        neighbours = [tally for other, tally in of_numbers.items() if other != at]
        before = known.decimal_mark if known else None
        marks[at] = said or decide(own, neighbours, before, shape.delimiter)
        if marks[at] and (own.point or own.comma or (said and own.unclear)):
            past.used_mark(header[at], marks[at] or COMMA)
    return marks


def _columns_that_changed(file: _File, seen: list[_Seen], past: Columns) -> Iterator[Found]:
    """Columns that are not any more what they have been: left as they are, and said once."""
    for column, of_it in zip(file.columns, seen, strict=True):
        kind, known = of_it.kind, past.known(column)
        misfits = of_it.misfits + (of_it.numbers.none if kind else 0)
        if not kind or not known or misfits < _FROM_CELLS or misfits * 2 <= of_it.cells:
            continue
        past.left_out.add(column.field)
        since = f"{known.decided_by}, {known.since}" if known.since else known.decided_by
        reason = (
            f"{misfits:,} of {of_it.cells:,} cells of {column.label} are not {kind.value}, as it "
            f"has been ({since}): the column is left as it was"
        )
        if column.kind is None:
            reason += (
                ". If it is something else now: "
                f'make columns MODEL={past.model.name} FIELD="{column.field}" TYPE=text'
            )
        yield Found(file.origin, file.shape.line, "", problem=Problem("column_changed", reason),
                    column=column.label)  # fmt: skip


# The second reading.


def _found(file: _File, line: int, cells: list[str] | Problem, past: Columns) -> Found:
    if isinstance(cells, Problem):
        return Found(file.origin, line, "", problem=cells)
    # As JSON, so that a reject's text shows names, and its _id can be read.
    text = json.dumps(dict(zip(file.names, cells, strict=False)), ensure_ascii=False)
    problem = _problem(file, line, cells)
    if problem:
        return Found(file.origin, line, text, problem=problem)
    fields: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    unread: list[Unread] = []
    doubt = None
    for at, (column, cell) in enumerate(zip(file.columns, cells, strict=True)):
        if not cell.strip() or column.field in past.left_out:
            continue
        value, reason = _value(file.kinds[at], cell, file.marks[at])
        if reason or not column.field:
            reason = reason or "the column has no name"
            label = column.label or f"column {at + 1}"
            unread.append(Unread(label, f"{label} {reason}", cell, column.field))
        key = column.key
        if key is not None:
            custom[key] = value
        elif column.field:
            fields[column.field] = value
        if "\n" in cell or "\r" in cell:
            doubt = doubt or _doubt(file, at, cell, past)
    if custom:
        named = fields.get("custom")
        if isinstance(named, dict):
            unread += _said_twice(named, custom)
            custom = {**named, **custom}
        fields["custom"] = custom
    return Found(file.origin, line, text, fields=fields, unread=tuple(unread), doubt=doubt)


def _problem(file: _File, line: int, cells: list[str]) -> Problem | None:
    """Why a row cannot be what it seems."""
    expected = len(file.columns)
    swallowed = swallowing(cells, file.shape.delimiter, expected)
    if swallowed:
        at, below = swallowed
        label = file.columns[at].label if at < expected else "a cell"
        return Problem(
            "swallowed_rows",
            f"{label} holds {len(lines_of(cells[at]))} lines, and another row among them (from "
            f"line {line + below} on): a quote that is opened here swallows what follows",
        )
    if any(map(_HALF_CHARACTER.search, cells)):
        encoding = "UTF-8" if file.shape.encoding.startswith("utf-8") else "UTF-16"
        return Problem("malformed", f"not valid {encoding}")
    if len(cells) != expected:
        return Problem("malformed", f"it has {len(cells)} cells, the header has {expected}")
    return None


def _value(kind: Kind, cell: str, mark: str | None) -> tuple[Any, str | None]:
    """(the cell's value, why it has none)."""
    try:
        return read_cell(kind, cell, mark), None
    except ValueError as error:
        why = str(error)
        return (
            None,
            f"{shortened(cell)} {why}" if why else f"is not {kind.value}: {shortened(cell)}",
        )


def _doubt(file: _File, at: int, cell: str, past: Columns) -> str | None:
    """What is odd about a cell, though it may well be right."""
    lines = len(lines_of(cell))
    past.had_lines(file.columns[at])
    if at in file.of_one_line and lines >= MANY_LINES:
        return f"{file.columns[at].label} holds {lines} lines, and never held more than one"
    return None


def _said_twice(named: dict[str, Any], custom: dict[str, Any]) -> Iterator[Unread]:
    """Keys that the column `custom` and a column of their own have, with two values."""
    for key in sorted(named.keys() & custom.keys()):
        if named[key] != custom[key]:
            text = json.dumps(named[key], default=str, ensure_ascii=False)
            reason = f"custom has {key} as well, as {shortened(text)}: the column {key} stands"
            yield Unread("custom", reason, text, "")
