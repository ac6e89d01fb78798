"""What a request says beside its body: its key, its parameters."""

import base64
import binascii
from typing import NamedTuple
from urllib.parse import parse_qsl

from include.collector.answers import Headers

# A query has few parameters; whoever sends thousands of them wants something else.
MAX_PARAMETERS = 20


class Asked(NamedTuple):
    """One request's head. `path` has no slash at its end, and no two side by side."""

    method: str
    path: str
    headers: Headers
    query: bytes
    # The address and port that the connection reached.
    listening: tuple[str, int | None] | None

    @property
    def host(self) -> str:
        """What the request calls us."""
        return self.headers.get(b"host", b"").decode("latin-1")

    def key(self) -> str | None:
        """The key of the head, or None."""
        return said_key(self.headers, self.query)


def said_key(headers: Headers, query: bytes) -> str | None:
    """The key in `Authorization`, in Jitsu's `X-Write-Key`, or as `?writeKey=`; None without."""
    said = _authorization(headers.get(b"authorization", b""))
    if said is None and (other := headers.get(b"x-write-key")):
        # Jitsu's clients want a colon in it, as Basic has one after the key.
        said = _text(other.partition(b":")[0])
    if said is None and b"writeKey=" in query:
        said = parameter(query, "writeKey")
    return said


def parameter(query: bytes, name: str) -> str | None:
    """A parameter of the query, the first of that name; None when it is not said."""
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), encoding="utf-8", errors="surrogateescape",
            max_num_fields=MAX_PARAMETERS,
        )  # fmt: skip
    except ValueError:
        return None
    return next((value for key, value in pairs if key == name), None)


def plain(path: str) -> str:
    """A path without what a host that was typed with a slash, or a careful client, puts into it."""
    return "/" + "/".join(part for part in path.split("/") if part)


def _authorization(value: bytes) -> str | None:
    """The key of `Authorization`, Basic (`key:`) or Bearer; None when there is none."""
    kind, _, said = value.partition(b" ")
    kind = kind.lower()
    if kind == b"basic":
        try:
            decoded = base64.b64decode(said.strip(), validate=True)
        except (binascii.Error, ValueError):
            return None
        return _text(decoded.partition(b":")[0])
    return _text(said.strip()) if kind == b"bearer" else None


def _text(raw: bytes) -> str | None:
    return raw.decode("utf-8", "surrogateescape") or None
