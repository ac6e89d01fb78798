"""Taking write keys out of what is stored: a key is who may send, and nobody's data.

Clients put it beside the calls of a batch, into a call, and into its `context`; so a member with
its name is taken out at whatever depth.
"""

import re

import msgspec

# One look at the bytes, which most calls do not get beyond; the pattern begins with plain letters,
# by which it is looked for.
_NAME = re.compile(rb"rite_?[Kk]ey")
# A letter that is written as an escape, which no client does.
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
_BACKSLASH = ord("\\")

_IN_JSON = re.compile(r'("write_?key"\s*:\s*")(?:[^"\\]|\\.)*+', re.IGNORECASE | re.DOTALL)
# In what is no JSON, or JSON in a text: the name, a colon or an equals sign, and whatever follows.
_LOOSE = re.compile(
    r"""(write_?key\\*["']?\s*[:=]\s*)(\\*["'])?([^\s,&;"'\\{}\[\]]+)""", re.IGNORECASE
)

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def without_keys(raw: bytes) -> bytes:
    """The same JSON without members that are named for a write key. `raw` must be valid."""
    if not (_NAME.search(raw) or (_BACKSLASH in raw and _ESCAPED_LETTER.search(raw))):
        return raw
    start = raw.lstrip()[:1]
    if start == b"{":
        members = _decode_object(raw).items()
        return _encode({name: _inner(value) for name, value in members if not _is_key(name)})
    if start == b"[":
        return _encode([_inner(value) for value in _decode_list(raw)])
    return raw


def without_keys_in_text(text: str) -> str:
    """Any text, with nothing where the value of a write key was."""
    lower = text.lower()
    if "writekey" not in lower and "write_key" not in lower:  # the patterns are slow
        return text
    return _LOOSE.sub(_emptied, _IN_JSON.sub(r"\1", text))


def _inner(value: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(without_keys(bytes(value)))


def _is_key(name: str) -> bool:
    return name.replace("_", "").lower() == "writekey"


def _emptied(found: re.Match[str]) -> str:
    # Without quotes a value was there that JSON must not lack.
    return found[1] + (found[2] or "null")
