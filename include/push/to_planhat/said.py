"""What Planhat says of single items that it did not take: objects, texts, or texts in objects."""

from collections.abc import Iterable, Mapping
from typing import Any

# Its words, cut: they may repeat what was sent.
_CHARACTERS = 200


def words(error: Any) -> str:
    """The words of an error, whatever its shape."""
    if isinstance(error, dict):
        error = error.get("message") or error.get("error") or "refused, without a word"
    return f"Planhat: {' '.join(str(error).split())[:_CHARACTERS]}"


def is_about(error: Any, item: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether an error carries an item with this one's keys."""
    sent = error.get("item") if isinstance(error, dict) else None
    return isinstance(sent, dict) and all(sent.get(name) == item.get(name) for name in names)
