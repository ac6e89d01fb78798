"""A CSV file as records: its encoding, its delimiter and its header, told from the file itself.

The delimiter is the one with which the header, parsed, has a column `_id`: counting would take the
commas within a quoted label for it. A line `sep=;` before the header, as Excel writes it, says it.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO

from include.planhat.check import Problem
from include.planhat.encoding import encoding_of
from include.planhat.headers import is_id
from include.planhat.json_files import LONGEST_OBJECT

Opened = Callable[[], AbstractContextManager[BinaryIO]]

DELIMITERS = (",", ";", "\t", "|")

_SEPARATOR_LINE = re.compile(r'\s*"?sep=(\\t|[^\w"\s]|\t)"?[,;\t|]*\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Shape:
    """How a file is written. `skipped` lines stand before its header, which begins on `line`."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    line: int = 1
    skipped: int = 0


Record = tuple[int, list[str] | Problem]


def shape_of(opened: Opened) -> tuple[Shape, Problem | None]:
    """A file's shape; a problem where no delimiter gives its header a column `_id`."""
    with opened() as stream:
        encoding = encoding_of(stream.read(64))
    with opened() as stream:
        said = _SEPARATOR_LINE.fullmatch(_text(stream, encoding).readline(100))
    if said:
        delimiters: tuple[str, ...] = ("\t" if said[1] == "\\t" else said[1],)
    else:
        delimiters = DELIMITERS
    shapes, problem = [], None
    for delimiter in delimiters:
        first = _first_record(opened, Shape(encoding, delimiter, (), skipped=1 if said else 0))
        if isinstance(first, Problem):
            problem = problem or first
        else:
            shapes.append(first)
    with_id = [shape for shape in shapes if any(map(is_id, shape.header))]
    if with_id:
        return with_id[0], None
    if not shapes:
        return Shape(encoding, ",", ()), problem
    reason = "the header has no column _id (or Id): without it no row can be told from another"
    return max(shapes, key=lambda shape: len(shape.header)), Problem("unreadable_file", reason)


def records(opened: Opened, shape: Shape) -> Iterator[Record]:
    """(the line a record begins on, its cells), header and blank lines left out."""
    with opened() as stream:
        for line, cells in _records(stream, shape):
            if line > shape.line:
                yield line, cells


def _first_record(opened: Opened, shape: Shape) -> Shape | Problem:
    with opened() as stream:
        for line, cells in _records(stream, shape):
            if isinstance(cells, Problem):
                return Problem("unreadable_file", cells.reason)
            return Shape(shape.encoding, shape.delimiter, tuple(cells), line, shape.skipped)
    return Shape(shape.encoding, shape.delimiter, (), skipped=shape.skipped)


def _records(stream: BinaryIO, shape: Shape) -> Iterator[Record]:
    text = _text(stream, shape.encoding)
    for _ in range(shape.skipped):
        text.readline()
    csv.field_size_limit(LONGEST_OBJECT)
    reader: Any = csv.reader(text, delimiter=shape.delimiter, strict=True)
    while True:
        line = shape.skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Problem("malformed", f"not readable as CSV: {error}")
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    # Half characters are let in, by which the row is recognised and rejected.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "surrogatepass"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
