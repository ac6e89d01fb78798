"""A call in an image's address, `GET /v1/pixel/<type>?data=<base64 of the call's JSON>`: for mails.

The answer is an image whatever becomes of the call: a reader of a mail is to see nothing of it.
"""

import base64
import re
from typing import NamedTuple

import msgspec

from include.collector.answers import Answer, content

# One transparent pixel.
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_SIXTY_FOUR = re.compile(r"[A-Za-z0-9+/]*")
_KEY = re.compile(rb'"(?:writeKey|write_key)"\s*:\s*("(?:[^"\\]|\\.)*")')


class Pixel(NamedTuple):
    """What the data holds: the call's bytes as far as they can be read, and what is wrong."""

    call: bytes
    detail: str | None = None


def image(status: int = 200) -> Answer:
    """The pixel, which nobody may keep: each time it is shown is a call."""
    return content(GIF, b"image/gif", (b"cache-control", b"no-store"), status=status)


def read(data: str) -> Pixel:
    """The call of `data`: base64, standard or for addresses, with padding or without.

    A plus that became a space on the way is a plus again, white space of other kinds is passed
    over. What cannot be read whole keeps its readable beginning.
    """
    text = re.sub(r"[\t\r\n]", "", data.strip()).replace(" ", "+")
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    good = _SIXTY_FOUR.match(text)
    assert good is not None
    whole = good[0] if len(good[0]) % 4 != 1 else good[0][:-1]  # six bits are no byte
    call = base64.b64decode(whole + "=" * (-len(whole) % 4))
    if whole != text:
        return Pixel(call, f"the data is no base64 after {len(whole)} characters")
    return Pixel(call) if call else Pixel(call, "there is no data")


def write_key(call: bytes) -> str | None:
    """The key that a call names, also when the rest of it cannot be read."""
    found = _KEY.search(call)
    if found is None:
        return None
    try:
        return msgspec.json.decode(found[1], type=str) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
