"""Quotes that swallow rows: a file that is well-formed CSV and wrong.

A quote that begins a cell and one that ends another, lines below, make one cell of everything
between. It is in the same column at both ends, or the row's length gives it away; so the rest of
one record and the beginning of another are in it, and with them an id.
"""

import re

from include.planhat.check import PLANHAT_ID

# So many lines are many, in a column that never had any.
MANY_LINES = 3

_LINE_ENDS = re.compile(r"\r\n|\r|\n")


def lines_of(cell: str) -> list[str]:
    """The lines that a cell holds; mostly one."""
    if "\n" not in cell and "\r" not in cell:
        return [cell]
    return _LINE_ENDS.split(cell)


def place_of_another_record(lines: list[str], delimiter: str) -> int | None:
    """Which of a cell's lines, from 0, has another record's id between delimiters."""
    for at, line in enumerate(lines):
        cells = line.split(delimiter)
        if len(cells) > 1 and any(PLANHAT_ID.fullmatch(cell.strip(' "')) for cell in cells):
            return at
    return None


def swallowing(cells: list[str], delimiter: str, expected: int) -> tuple[int, int] | None:
    """(the cell that swallows other rows, how many lines below the record's first they begin).

    `expected` is how many cells a row has. None for a row that is what it seems.
    """
    below = 0
    for at, cell in enumerate(cells):
        lines = lines_of(cell)
        if len(lines) > 1:
            place = place_of_another_record(lines, delimiter)
            if place is None and len(cells) > expected:
                place = 1
            if place is not None:
                return at, below + place
        below += len(lines) - 1
    return None
