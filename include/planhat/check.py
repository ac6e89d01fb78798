"""One object as it was found becomes a row that Postgres will take, or a reject with its reason.

Known fields are typed once, here: ids stay text whatever they look like, blank values where no
text is due become null, and so do values of another type, because a column that changes its type
breaks whoever reads it later. Each of these is said; the object and its neighbours go on.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from include.planhat.models import Kind, Model

# A reject keeps this much of the text that it is about.
KEPT_TEXT = 4_000

# Beyond this a JSON number is no finite number for most who read it.
LARGEST_EXPONENT = 308

PLANHAT_ID = re.compile(r"[0-9a-fA-F]{24}")
_ID_IN_BROKEN_TEXT = re.compile(r"\"_id\"\s*:\s*\"([0-9a-fA-F]{24})\"")
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?"
)
_SUSPICIOUS = re.compile(rb"\\u0000|\d{309}")

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be loaded: a code to group by, and a sentence for a person."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that does not fit its column: the object goes on without it.

    `column` is its name as the file has it, `field` the object's field (for a required one), `text`
    how the value looked.
    """

    column: str
    reason: str
    text: str
    field: str


@dataclass(frozen=True, slots=True)
class Found:
    """Something found where objects are due, with its place.

    `origin` is the file's name (or the API's path), `line` the line on which it begins (or its
    place in the answer; None for the file as a whole), `text` how it looked (for a reject). Exactly
    one of `fields` and `problem` is set. `column` names the column that a problem of a whole file
    is about, `unread` holds the values that were left out of `fields`, `doubt` what is odd about an
    object that may well be right.
    """

    origin: str
    line: int | None
    text: str
    fields: dict[str, Any] | None = None
    problem: Problem | None = None
    column: str | None = None
    unread: tuple[Unread, ...] = ()
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What the writer takes. `planhat_id` is known for most rejects too: it protects that object
    from being taken for deleted. `payload` is JSON text, None for a reject. `unread` holds the
    values that are null in it because they do not fit.
    """

    origin: str
    line: int | None
    planhat_id: str | None
    payload: str | None
    problem: Problem | None
    text: str | None
    column: str | None = None
    unread: tuple[Unread, ...] = ()
    doubt: str | None = None


def check(model: Model, found: Found) -> Row:
    """Type what is known of `found` and say the first thing that is wrong with it, if any."""
    planhat_id = _planhat_id(found)
    problem = found.problem
    payload = None
    unread = list(found.unread)
    if problem is None:
        assert found.fields is not None
        typed, problem = _typed(model, found.fields, unread)
    if problem is None:
        payload, problem = _encoded(typed)
    if problem is None:
        text = None
        kept = tuple(
            Unread(each.column, storable(each.reason), storable(each.text)[:KEPT_TEXT], each.field)
            for each in unread
        )
    else:
        text, kept = storable(found.text)[:KEPT_TEXT], ()
    return Row(
        found.origin, found.line, planhat_id, payload, problem, text, found.column, kept,
        found.doubt,
    )  # fmt: skip


def storable(text: str) -> str:
    """`text` with what a Postgres text cannot hold replaced: NUL and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _planhat_id(found: Found) -> str | None:
    if found.fields is None:
        readable = _ID_IN_BROKEN_TEXT.search(found.text)
        return readable.group(1).lower() if readable else None
    value = found.fields.get("_id")
    if isinstance(value, str) and PLANHAT_ID.fullmatch(value.strip()):
        return value.strip().lower()
    return None


def _typed(
    model: Model, fields: dict[str, Any], unread: list[Unread]
) -> tuple[dict[str, Any], Problem | None]:
    """The fields with their model's types; what does not fit becomes null and goes to `unread`."""
    identifier = fields.get("_id")
    if identifier is None or identifier == "":
        return fields, Problem("missing_required", "_id is missing")
    if not isinstance(identifier, str) or not PLANHAT_ID.fullmatch(identifier.strip()):
        return fields, Problem("bad_id", "_id is not 24 hexadecimal digits")
    typed = {**fields, "_id": identifier.strip().lower()}
    for name, kind in model.fields.items():
        if (value := typed.get(name)) is None:
            continue
        try:
            typed[name] = _READERS[kind](value)
        except ValueError:
            reason = f"{name} is not {kind.value}: {shortened(value)}"
            typed[name] = None
            unread.append(Unread(name, reason, _whole(value), name))
    for name in model.required:
        value = typed.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            for each in unread:
                if each.field == name:
                    return typed, Problem("wrong_type", each.reason)
            return typed, Problem("missing_required", f"{name} is missing")
    return typed, None


def _encoded(fields: dict[str, Any]) -> tuple[str | None, Problem | None]:
    try:
        encoded = _encoder.encode(fields)
    except (ValueError, RecursionError):
        # Half a character (a lone surrogate), or nesting beyond what anybody can read back.
        return None, Problem("malformed", "it holds a value that JSON cannot carry")
    if _SUSPICIOUS.search(encoded):
        for value in _values(fields):
            if isinstance(value, str) and "\x00" in value:
                return None, Problem("malformed", "it holds a NUL character")
            if isinstance(value, int) and abs(value) >= 10**LARGEST_EXPONENT:
                return None, Problem("malformed", "it holds a number that is too large")
    return encoded.decode(), None


def _values(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        else:
            yield value


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError
    return value if isinstance(value, str) else _digits(value)


def _digits(number: int | Decimal) -> str:
    """A number as a key: its literal's digits, without exponent or a fraction that is zero."""
    if isinstance(number, int):
        return str(number)
    whole, _, fraction = format(number, "f").partition(".")
    return f"{whole}.{fraction}" if fraction.strip("0") else whole


def _number(value: Any) -> int | float | Decimal | None:
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError
    return value


def _boolean(value: Any) -> bool | None:
    if isinstance(value, str) and not value.strip():
        return None
    if not isinstance(value, bool):
        raise ValueError
    return value


def _time(value: Any) -> str | None:
    if isinstance(value, str) and not value.strip():
        return None
    if not isinstance(value, str) or not is_time(value.strip()):
        raise ValueError
    return value.strip()


def is_time(text: str) -> bool:
    """Whether a text is a date, or a date with a time, as ISO 8601 writes it."""
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day(value: Any) -> int | None:
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError
    # Year 1 to 9999: a time in seconds or milliseconds is no day, nor is what no integer can hold.
    if not -719_162 <= value <= 2_932_896 or value != int(value):
        raise ValueError
    return int(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _currency(value: Any) -> str | dict[str, Any]:
    if not isinstance(value, str | dict):
        raise ValueError
    return value


_READERS = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _time,
    Kind.DAY: _day,
    Kind.LIST: _list,
    Kind.OBJECT: _object,
    Kind.CURRENCY: _currency,
}


def _whole(value: Any) -> str:
    """How a value looks as JSON, a text as it is."""
    if isinstance(value, str):
        return value
    try:
        return _encoder.encode(value).decode()
    except (ValueError, RecursionError):
        return shortened(value)


def shortened(value: Any) -> str:
    """How a value looks, in a few characters; never a whole payload."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and abs(value) >= 10**LARGEST_EXPONENT:
        return "a number of too many digits"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return storable(repr(text) if isinstance(value, str) else text)[:60]
