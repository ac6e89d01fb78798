"""The outline of a JSON text that a parser refuses: where its members begin and end.

One unreadable event must not cost its neighbours, so a batch that is no valid JSON is cut at the
commas of its outermost list. Nothing here recurses: the text may be nested as deep as it is long.
"""

import re
from collections.abc import Iterator

# A whole string, or one mark of structure. A quote alone is a string that never ends. The
# possessive `++` keeps the search linear on hostile text.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},:]', re.DOTALL)


def pieces(text: bytes) -> list[bytes] | None:
    """The members of a JSON list or object as they stand in `text`, without the commas.

    A member of an object is still `"key": value`. None when `text` is neither, or its brackets
    do not close.
    """
    text = text.strip()
    if text[:1] not in (b"[", b"{"):
        return None
    depth, start = 0, 1
    found: list[bytes] = []
    for mark, begin, end in marks(text):
        if mark == b'"':
            return None
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                last = text[start:begin].strip()
                if last or found:
                    found.append(last)
                return found if end == len(text) else None
        elif mark == b"," and depth == 1:
            found.append(text[start:begin].strip())
            start = end
    return None


def members(text: bytes) -> dict[bytes, bytes] | None:
    """The keys of a JSON object, as written between their quotes, and its values as they stand."""
    found = pieces(text) if text.lstrip()[:1] == b"{" else None
    if found is None:
        return None
    pairs = {}
    for piece in found:
        key = _TOKEN.match(piece)
        if key is None or len(key[0]) < 2:
            return None
        value = piece[key.end() :].lstrip()
        if value[:1] != b":":
            return None
        pairs[key[0][1:-1]] = value[1:].strip()
    return pairs


def depth(text: bytes) -> int:
    """How deep lists and objects are nested in `text`."""
    now = deepest = 0
    for mark, _, _ in marks(text):
        if mark in b"[{":
            now += 1
            deepest = max(deepest, now)
        elif mark in b"]}":
            now -= 1
    return deepest


def marks(text: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Each mark of structure from `start` on, and where it is; whole strings are passed over.

    A quote among them begins a string that does not end.
    """
    for token in _TOKEN.finditer(text, start):
        if token.end() - token.start() == 1:
            yield token[0], token.start(), token.end()
