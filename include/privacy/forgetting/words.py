"""The ids of people as words: where they are said, and how a text reads without them.

`customer-1` is no part of `customer-10`: another one's id is never theirs, and never changed.
"""

import json
import re
from decimal import Decimal
from typing import Any

INSTEAD = "(forgotten)"
# A shorter id (a number of two digits, say) is part of many a word that is not it: it is taken for
# somebody's only where it is the whole value of something that names people.
LONG_ENOUGH = 8
# What is there is somebody's id as a whole, or has nothing of theirs in it.
NAMES_PEOPLE = {
    "user_id", "userId", "enduser_id", "endUserId", "enduserId", "euId", "anonymous_id",
    "anonymousId", "enduser_external_id", "previousId", "previous_id", "email",
}  # fmt: skip


class Words:
    """What to look for."""

    def __init__(self, identifiers: frozenset[str]):
        self.identifiers = identifiers
        self.long = sorted(each for each in identifiers if len(each) >= LONG_ENOUGH or "@" in each)
        self._all = {each.lower() for each in identifiers}
        self._long = {each.lower() for each in self.long}
        self._within = re.compile(self.expression, re.IGNORECASE)

    @property
    def expression(self) -> str:
        """A regular expression of the long ones within texts; without any it matches nothing."""
        # the longest first: an address may begin as another one does
        longest_first = sorted(self.long, key=len, reverse=True)
        return "|".join(map(_by_itself, longest_first)) or r"(?!)"

    @property
    def patterns(self) -> list[str]:
        """For LIKE, in lower case: texts of JSON that may say one of the long ones."""
        return [f"%{_escaped(_in_json(each))}%" for each in sorted(self._long)]

    @property
    def row_patterns(self) -> list[str]:
        """The same for rows, and the short ones as whole values."""
        short = [_escaped(_in_json(each)) for each in sorted(self._all - self._long)]
        return [*self.patterns, *(f'%"{each}"%' for each in short)]

    def has(self, text: str) -> bool:
        """Whether a text is one of them, a short one too."""
        return text.strip().lower() in self._all

    def are_said_by(self, text: str, name: str = "") -> bool:
        """Whether a text is, or has in it, one of them; `name`: of the column or key."""
        if name in NAMES_PEOPLE:
            return self.has(text)
        return text.strip().lower() in self._long or self._within.search(text) is not None

    def are_in(self, value: Any, name: str = "") -> bool:
        """The same of anything that JSON can say."""
        if isinstance(value, str):
            return self.are_said_by(value, name)
        if isinstance(value, dict):
            return any(
                self.are_said_by(key) or self.are_in(each, key) for key, each in value.items()
            )
        if isinstance(value, list):
            return any(self.are_in(each, name) for each in value)
        return self._is_one(value, name)

    def taken_out_of(self, value: Any, name: str = "") -> Any:
        """The value without them: what is one of them is left out, what has one in it says so."""
        if isinstance(value, str):
            return value if name in NAMES_PEOPLE else self.replaced(value)
        if isinstance(value, dict):
            return {
                self.replaced(key): self.taken_out_of(each, key)
                for key, each in value.items()
                if not self._is_one(each, key)
            }
        if isinstance(value, list):
            return [self.taken_out_of(each, name) for each in value if not self._is_one(each, name)]
        return value

    def replaced(self, text: str) -> str:
        """A text with other words in the place of each."""
        return self._within.sub(INSTEAD, text)

    def _is_one(self, value: Any, name: str) -> bool:
        if isinstance(value, str):
            return self.has(value) if name in NAMES_PEOPLE else value.strip().lower() in self._long
        # an id that was sent as a number; elsewhere a number is an amount
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return is_number and name in NAMES_PEOPLE and self.has(str(value))


def _by_itself(word: str) -> str:
    """An expression of a word where it is no part of a longer one."""
    said = re.escape(word)
    if "@" in word:
        return rf"(?<![\w.+%-]){said}(?!\w|[.-]\w)"
    if word.isalnum():
        return rf"(?<![^\W_]){said}(?![^\W_])"
    return rf"(?<!\w)(?<!\w[.+-]){said}(?!\w|[.+@-]\w)"


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
