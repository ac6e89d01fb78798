"""One cell of a CSV file as its column's type. Raises `ValueError` where it does not fit."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from include.planhat.check import is_time
from include.planhat.decimals import COMMA, POINT, number, readings
from include.planhat.models import Kind

_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_EPOCH = date(1970, 1, 1)

# Excel counts days since this one, so that its 60 is a day that was none, and all after it right.
_EXCELS_EPOCH = datetime(1899, 12, 30)
# 2000-01-01 to 2099-12-31 as Excel counts; as days since 1970 these would be 2070 and later.
_EXCELS_DAYS = range(36_526, 73_051)
# As text of a date, that is. Further back, as customers' dates may be: five digits.
_SERIALS = range(10_000, 100_000)


def read_cell(kind: Kind, cell: str, mark: str | None) -> Any:
    """The value of a cell that is not blank. `mark` begins its decimals; None: undecided."""
    if kind is Kind.NUMBER:
        return _number(cell, mark)
    if kind is Kind.TIME:
        return _time(cell, mark)
    return _READERS[kind](cell)


def _number(cell: str, mark: str | None) -> int | Decimal:
    if mark is None:
        point, comma = readings(cell)
        if point is not None and comma is not None and point != comma:
            raise ValueError(
                f"can be {_plain(point)} or {_plain(comma)}, and nothing in the file says which: "
                "read it with DECIMAL=point or DECIMAL=comma"
            )
        value = None if point is None and comma is None else _only(point, comma)
    else:
        value = number(cell, mark)
    if value is None:
        raise ValueError
    return value


def _only(point: int | Decimal | None, comma: int | Decimal | None) -> int | Decimal | None:
    """What is read in one way alone, while the column has both: not to be told apart."""
    if point is None or comma is None:
        raise ValueError(
            "stands beside numbers with the other mark for decimals, so that neither can be "
            "relied on: read it with DECIMAL=point or DECIMAL=comma"
        )
    return point


def _plain(value: int | Decimal) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def _boolean(cell: str) -> bool:
    try:
        return _BOOLEANS[cell.strip().casefold()]
    except KeyError:
        raise ValueError from None


def _time(cell: str, mark: str | None) -> str:
    cell = cell.strip()
    if is_time(cell):
        return cell
    serial = number(cell, mark or POINT)
    if serial is None:
        serial = number(cell, COMMA)
    if serial is None or int(serial) not in _SERIALS:
        raise ValueError
    moment = _EXCELS_EPOCH + timedelta(seconds=round(float(serial) * 86_400))
    return moment.date().isoformat() if serial == int(serial) else moment.isoformat()


def _day(cell: str) -> int:
    cell = cell.strip()
    days = number(cell, POINT)
    if days is None:
        if not is_time(cell):
            raise ValueError
        return (date.fromisoformat(cell[:10]) - _EPOCH).days
    if days != int(days):
        raise ValueError
    if int(days) in _EXCELS_DAYS:
        return ((_EXCELS_EPOCH + timedelta(days=int(days))).date() - _EPOCH).days
    return int(days)


def _list(cell: str) -> list[Any]:
    cell = cell.strip()
    if cell.startswith("["):
        value = parsed(cell)
        if not isinstance(value, list):
            raise ValueError
        return value
    separator = ";" if ";" in cell else ","
    return [part.strip() for part in cell.split(separator) if part.strip()]


def _object(cell: str) -> dict[str, Any]:
    value = parsed(cell)
    if not isinstance(value, dict):
        raise ValueError
    return value


def _currency(cell: str) -> Any:
    return _object(cell) if cell.strip().startswith("{") else cell.strip()


def parsed(cell: str) -> Any:
    """A cell's JSON, digits kept as they are; None if it is none."""
    try:
        return json.loads(cell, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.BOOLEAN: _boolean,
    Kind.DAY: _day,
    Kind.LIST: _list,
    Kind.OBJECT: _object,
    Kind.CURRENCY: _currency,
}
