"""Numbers as people's programs write them: 1,234.50 and 1.234,50 are one number.

Which mark begins the decimals is decided for a column of a file, never for a cell: by the column's
own cells that can be read in one way only, else by its neighbours', else by what the column had in
the last file, else by the delimiter (a file with commas between its cells has no decimal commas
that nobody quoted; semicolons are what programs write where the comma begins decimals). Where it
stays undecided, a cell that would be two different numbers is refused.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

POINT, COMMA = ".", ","

# A minus sign of its own, and what groups thousands besides point and comma.
_MINUS = str.maketrans({"\u2212": "-"})
_GROUPS = "[ \u00a0\u2009\u202f'\u2019{}]"


def _pattern(mark: str, other: str) -> re.Pattern[str]:
    groups = _GROUPS.format(re.escape(other))
    return re.compile(
        rf"([+-]?)(?:(?P<plain>\d+)|(?P<grouped>[1-9]\d{{0,2}}({groups})\d{{3}}(?:\4\d{{3}})*))"
        rf"(?:{re.escape(mark)}(?P<decimals>\d+))?(?P<exponent>[eE][+-]?\d{{1,2}})?",
        re.ASCII,
    )


_PATTERNS = {POINT: _pattern(POINT, COMMA), COMMA: _pattern(COMMA, POINT)}


def number(cell: str, mark: str) -> int | Decimal | None:
    """The cell as a number whose decimals begin with `mark`; None if it is none."""
    written = _PATTERNS[mark].fullmatch(cell.strip().translate(_MINUS))
    if written is None:
        return None
    whole = written["plain"] or re.sub(r"\D", "", written["grouped"])
    decimals = f".{written['decimals']}" if written["decimals"] else ""
    value = Decimal(f"{written[1]}{whole}{decimals}{written['exponent'] or ''}")
    is_whole = not decimals and value == value.to_integral_value()
    return int(value) if is_whole else value


def readings(cell: str) -> tuple[int | Decimal | None, int | Decimal | None]:
    """The cell as a number with a decimal point, and with a decimal comma."""
    return number(cell, POINT), number(cell, COMMA)


@dataclass
class Tally:
    """How many cells are numbers in one way only, in both alike, in two ways, or not at all."""

    point: int = 0
    comma: int = 0
    alike: int = 0
    unclear: int = 0
    none: int = 0

    def add(self, cell: str) -> None:
        """Count a cell that is not blank."""
        if cell.isdigit() and cell.isascii():
            self.alike += 1
            return
        point, comma = readings(cell)
        if point is None and comma is None:
            self.none += 1
        elif comma is None:
            self.point += 1
        elif point is None:
            self.comma += 1
        elif point == comma:
            self.alike += 1
        else:
            self.unclear += 1

    @property
    def cells(self) -> int:
        """All that were counted."""
        return self.point + self.comma + self.alike + self.unclear + self.none

    @property
    def verdict(self) -> str | None:
        """The mark that nearly all cells with a clear one have; None for none, or for a draw."""
        for mark, own, others in ((POINT, self.point, self.comma), (COMMA, self.comma, self.point)):
            if own and own >= 10 * others:
                return mark
        return None

    @property
    def is_split(self) -> bool:
        """Both marks, and neither by far."""
        return bool(self.point or self.comma) and self.verdict is None


def decide(own: Tally, neighbours: list[Tally], past: str | None, delimiter: str) -> str | None:
    """The mark of a column of numbers, or None where nothing decides."""
    if own.point or own.comma:
        return own.verdict
    file = Tally(sum(each.point for each in neighbours), sum(each.comma for each in neighbours))
    if file.verdict or past:
        return file.verdict or past
    return None if file.is_split else {",": POINT, ";": COMMA}.get(delimiter)
