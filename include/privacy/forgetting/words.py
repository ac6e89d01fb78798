"""The ids of people as words: where they are said, and how a text reads without them."""

import json
from typing import Any

INSTEAD = "(forgotten)"
# A shorter id (a number of two digits, say) is part of many a word that is not it: it is taken for
# somebody's only where it is the whole value of something that names people.
LONG_ENOUGH = 8
NAMES_PEOPLE = {
    "user_id", "userId", "enduser_id", "endUserId", "enduserId", "euId", "anonymous_id",
    "anonymousId", "enduser_external_id", "previousId", "previous_id",
}  # fmt: skip


class Words:
    """What to look for."""

    def __init__(self, identifiers: frozenset[str]):
        self.identifiers = identifiers
        self.long = sorted(each for each in identifiers if len(each) >= LONG_ENOUGH or "@" in each)
        self._folded = [(each, each.lower()) for each in self.long]
        self._all = {each.lower() for each in identifiers}
        self._long = {folded for _, folded in self._folded}

    @property
    def patterns(self) -> list[str]:
        """For LIKE, in lower case: texts of JSON that say one of the long ones."""
        return [f"%{_escaped(_in_json(folded))}%" for _, folded in self._folded]

    @property
    def row_patterns(self) -> list[str]:
        """The same for rows, and the short ones as whole values."""
        short = [_escaped(_in_json(each)) for each in sorted(self._all - self._long)]
        return [*self.patterns, *(f'%"{each}"%' for each in short)]

    def are_said_by(self, text: str, name: str = "") -> bool:
        """Whether a text is, or has in it, one of them; `name`: of the column or key."""
        lowered = text.lower()
        if name in NAMES_PEOPLE and lowered in self._all:
            return True
        return any(folded in lowered for _, folded in self._folded)

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
        return False

    def taken_out_of(self, value: Any, name: str = "") -> Any:
        """The value without them: what is one of them is left out, what has one in it says so."""
        if isinstance(value, str):
            return self.replaced(value)
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
        for _, folded in self._folded:
            at = text.lower().find(folded)
            while at >= 0:
                text = text[:at] + INSTEAD + text[at + len(folded) :]
                at = text.lower().find(folded, at + len(INSTEAD))
        return text

    def _is_one(self, value: Any, name: str) -> bool:
        if not isinstance(value, str):
            return False
        lowered = value.strip().lower()
        return lowered in self._long or (name in NAMES_PEOPLE and lowered in self._all)


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
