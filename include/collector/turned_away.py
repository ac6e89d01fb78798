"""Whose call it is, and whether that person is suppressed: then the call is stored nowhere.

Looked at is every key by which identity would know a person (§3.1; where it stands say the rows of
`sync.key_names`), each in its normal form. It is one person's call by any of them, so one on the
list is enough.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zlib import crc32

import msgspec

from include.blank import BLANK
from include.collector.times import read_time
from include.privacy.keys import HASHED, KINDS, LONGEST_KEY, MARK, HashKey
from include.privacy.suppressed import TAG_MASK, Suppressed

# What stands in an alias is a key of the same person, a user's or a device's.
_PREVIOUS = ("previousId", "previous_id")
_OWN_TIMES = ("timestamp", "originalTimestamp", "original_timestamp")
# In a text that is no JSON: members whose names tell that a key follows.
_SAID = r'"(?:%s)"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*)'
_END_OF_FRACTION = re.compile(r"\.0+$")

_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
_text_of = msgspec.json.Decoder(str).decode


class _Kind:
    """A kind of key, and how it is hashed."""

    __slots__ = ("head", "is_email", "seed")

    def __init__(self, name: str, key: HashKey):
        self.head = key.head(name)
        self.is_email = name == "email"
        self.seed = KINDS.index(name)  # as in `keys.crc`


class _Inexact(Exception):
    """A number that the quicker decoding left out may be a key."""


# A path in a call, or in one of its objects, and the kind of key that stands there.
_Place = tuple[tuple[str, ...], _Kind]


class TurnedAway:
    """Tells calls of suppressed people. `names`: rows of `sync.key_names`, key and dotted path."""

    def __init__(self, key: HashKey, listed: Suppressed, names: Iterable[tuple[str, str]]):
        self._listed = listed
        self._filter = listed.filter
        kinds = {name: _Kind(name, key) for name in KINDS}
        self._kinds = tuple(kinds.values())
        self._email = kinds["email"]
        self._top: list[tuple[str, _Kind]] = []
        inner: dict[str, list[_Place]] = {}
        # An address among the properties is the caller's only where nothing else names one.
        self._property_emails: list[tuple[str, ...]] = []
        for name, path in names:
            steps = tuple(path.split("."))
            if name == "property_email" and len(steps) > 1:
                self._property_emails.append(steps)
            elif len(steps) == 1:
                self._top.append((path, kinds.get(name, self._email)))
            else:
                inner.setdefault(steps[0], []).append((steps[1:], kinds[name]))
        self._user_ids = [name for name, kind in self._top if kind is kinds["user_id"]]
        self._inner = [
            (name, {steps[0] for steps, _ in places}, places) for name, places in inner.items()
        ]
        # those of a group call describe the company, and no person
        self._inner_of_groups = [each for each in self._inner if each[0] != "traits"]
        self._know_spellings({path.rpartition(".")[2] for _, path in names} | set(_PREVIOUS))

    def _know_spellings(self, spellings: set[str]) -> None:
        self._said = re.compile(_SAID % "|".join(re.escape(each) for each in sorted(spellings)))
        self._numbers = {
            name: re.compile(rb'"%s"\s*:\s*-?[0-9]' % re.escape(name.encode()))
            for name in spellings
        }

    @property
    def listed(self) -> Suppressed:
        """The list as it is known now."""
        return self._listed

    def call(self, call: dict[str, Any], raw: bytes, kind: str, at: datetime) -> bool:
        """Whether a call, decoded from `raw`, is of somebody suppressed; `at`: when it arrived."""
        try:
            return self._quick(call, raw, kind, at)
        except _Inexact:
            return self.payload(raw, kind, at)

    def payload(self, payload: bytes, kind: str, at: datetime) -> bool:
        """The same of a call that is not decoded yet; a number is known by its digits."""
        try:
            call = _exactly(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
            return self.text(payload.decode("utf-8", "replace"))
        return type(call) is dict and self._quick(call, b"", kind, at)

    def text(self, text: str) -> bool:
        """Whether a text that is no call names somebody suppressed as calls do.

        Nobody knows when it happened, so whom it names is turned away, lifted or not.
        """
        for found in self._said.finditer(text):
            for key in self._kinds:
                digest = self._digest(key, _meant(found[1]))
                if digest is not None and self._listed.holds(digest):
                    return True
        return False

    def _quick(self, call: dict[str, Any], raw: bytes, kind: str, at: datetime) -> bool:
        for name, key in self._top:
            said = call.get(name)
            if said is None:
                if name in call:
                    self._must_be_null(name, raw)
            elif self._is_on(key, said, call, at):
                return True
        for name, first, places in self._inner_of_groups if kind == "group" else self._inner:
            inside = call.get(name)
            if (
                type(inside) is dict
                and not first.isdisjoint(inside)
                and self._is_inside(places, inside, call, raw, at)
            ):
                return True
        if kind == "group":
            return False
        return self._is_by_property(call, at) or (
            kind == "alias" and self._is_previous(call, raw, at)
        )

    def _is_inside(
        self, places: list[_Place], inside: dict[str, Any], call: dict[str, Any], raw: bytes,
        at: datetime,
    ) -> bool:  # fmt: skip
        for steps, key in places:
            if steps[0] not in inside:
                continue
            said, is_there = _value_at(inside, steps)
            if said is None:
                if is_there:
                    self._must_be_null(steps[-1], raw)
            elif self._is_on(key, said, call, at):
                return True
        return False

    def _is_by_property(self, call: dict[str, Any], at: datetime) -> bool:
        for steps in self._property_emails:
            inside = call.get(steps[0])
            if inside is None or (type(inside) is dict and steps[1] not in inside):
                continue
            said, _ = _value_at(call, steps)
            if (
                said is not None
                and not any(call.get(name) for name in self._user_ids)
                and self._is_on(self._email, said, call, at)
            ):
                return True
        return False

    def _is_previous(self, call: dict[str, Any], raw: bytes, at: datetime) -> bool:
        """Whether an alias names a suppressed device or user as what was before."""
        for name in _PREVIOUS:
            said = call.get(name)
            if said is None:
                if name in call:
                    self._must_be_null(name, raw)
            elif any(self._is_on(key, said, call, at) for key in self._kinds):
                return True
        return False

    def _must_be_null(self, name: str, raw: bytes) -> None:
        if self._numbers[name].search(raw) is not None:
            raise _Inexact

    def _is_on(self, key: _Kind, said: Any, call: dict[str, Any], at: datetime) -> bool:
        if type(said) is not str and (said := _written(said)) is None:
            return False
        digest = self._digest(key, said)
        if digest is None or not self._listed.holds(digest):
            return False
        lifted = self._listed.lifted_from(digest)
        return lifted is None or _happened(call, at) < lifted

    def _digest(self, key: _Kind, said: str) -> bytes | None:
        """The hash of who may be on the list; None for who is not, mostly without hashing."""
        # what ends with a letter or digit, as most do, has nothing to be cut: seen sooner
        if said.startswith(MARK) and (found := HASHED.fullmatch(said)):
            return bytes.fromhex(found[1])
        form = said if said[:1].isalnum() and said[-1:].isalnum() else said.strip(BLANK)
        if key.is_email:
            form = form.lower()
        text = form.encode("utf-8", "replace")
        place = crc32(text, key.seed) & TAG_MASK
        if not self._filter[place >> 3] >> (place & 7) & 1:
            return None
        if not form or len(form) > LONGEST_KEY:
            return None
        return sha256(key.head + text).digest()


def _written(said: Any) -> str | None:
    """A number as keys have it, from its digits; None for what is no key."""
    if isinstance(said, bool) or not isinstance(said, (int, Decimal)):
        return None
    if isinstance(said, int):
        return str(said)
    return _END_OF_FRACTION.sub("", f"{said:f}")


def _meant(literal: str) -> str:
    """What a JSON text or number says, as well as it can be read."""
    try:
        if literal[0] == '"':
            return _text_of(literal.encode("utf-8", "surrogatepass"))
        return _written(Decimal(literal)) or literal
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError):
        return literal.strip('"')


def _happened(call: dict[str, Any], at: datetime) -> datetime:
    """When a call says that it happened; not after it arrived."""
    for name in _OWN_TIMES:
        if (said := read_time(call.get(name))) is not None:
            return min(said.at, at)
    return at


def _value_at(call: dict[str, Any], steps: tuple[str, ...]) -> tuple[Any, bool]:
    """The value at a path, and whether there is one, null included."""
    found: Any = call
    for step in steps:
        if type(found) is not dict or step not in found:
            return None, False
        found = found[step]
    return found, True
