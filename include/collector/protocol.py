"""A request's body: the calls in it and what it says for all of them."""

import re
import zlib
from typing import Any, NamedTuple, TypeVar

import msgspec

from include.collector import scan
from include.collector.errors import Refused
from include.collector.event import NOTHING, Envelope
from include.collector.options import Limits

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A gzip body may have several members (RFC 1952): an appending client or a proxy makes a few. Each
# costs its own beginning, and is looked for in a window of what is left.
_MOST_MEMBERS = 1_000
_WINDOW = 64 * 1024
_ZEROS = re.compile(rb"\0*")

_Text = TypeVar("_Text", bytes, msgspec.Raw)


class Calls(NamedTuple):
    """The calls of one request, each as the bytes it came in."""

    items: list[bytes]
    envelope: Envelope
    write_key: str | None


class _Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    writeKey: Any = None
    write_key: Any = None  # of old scripts
    sentAt: msgspec.Raw = NOTHING
    sent_at: msgspec.Raw = NOTHING
    context: msgspec.Raw = NOTHING
    integrations: msgspec.Raw = NOTHING


class _Single(msgspec.Struct, gc=False):
    writeKey: Any = None
    write_key: Any = None


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_single = msgspec.json.Decoder(_Single).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_key = msgspec.json.Decoder(str).decode


def decompressed(body: bytes, encoding: bytes, limits: Limits) -> bytes:
    """The body as it was before `Content-Encoding`, behind its byte order mark.

    Never makes more than the limit, whatever the body claims. Raises `Refused` 400, 413 or 415.
    """
    if encoding in (b"", b"identity"):
        return body.removeprefix(BYTE_ORDER_MARK)
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        raise Refused(415, "unsupported_encoding", "Content-Encoding must be gzip or deflate.")
    try:
        plain = _inflated(body, limits)
    except zlib.error:
        raise Refused(
            400, "bad_compression", "The body is not what Content-Encoding says."
        ) from None
    return plain.removeprefix(BYTE_ORDER_MARK)


def _inflated(body: bytes, limits: Limits) -> bytes:
    """All members of the body, one after the other. Raises `Refused` and `zlib.error`."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip and zlib are told apart by zlib
    plain = inflate.decompress(body, limits.body_bytes + 1)
    if len(plain) > limits.body_bytes:
        raise too_large(limits)
    if not inflate.eof:
        raise Refused(400, "bad_compression", "The compressed body ends too early.")
    if rest := inflate.unused_data:
        plain += _other_members(rest, limits.body_bytes - len(plain), limits)
    return plain


def _other_members(rest: bytes, room: int, limits: Limits) -> bytes:
    parts: list[bytes] = []
    place = _behind_padding(rest, 0)
    for _ in range(_MOST_MEMBERS):
        if place == len(rest):
            return b"".join(parts)
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)  # gzip: nothing else has members
        while not inflate.eof:
            if place == len(rest):
                raise Refused(400, "bad_compression", "The compressed body ends too early.")
            window = rest[place : place + _WINDOW]
            parts.append(inflate.decompress(window, room + 1))
            room -= len(parts[-1])
            if room < 0:
                raise too_large(limits)
            place += len(window) - len(inflate.unused_data)
        place = _behind_padding(rest, place)
    raise Refused(400, "bad_compression", "The compressed body has too many members.")


def _behind_padding(rest: bytes, place: int) -> int:
    """Where the next member begins: zeros between them fill a block."""
    found = _ZEROS.match(rest, place)
    return found.end() if found else place


def too_large(limits: Limits) -> Refused:
    """The refusal of a body beyond the limit."""
    return Refused(413, "too_large", f"A body may have {limits.body_bytes} bytes, uncompressed.")


def batch(body: bytes) -> Calls:
    """The calls of `{"batch": […], …}`. Raises `Refused` 400."""
    try:
        found = _decode_batch(body)
    except msgspec.ValidationError:
        raise Refused(400, "wrong_shape", 'The body must be {"batch": [calls]}.') from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _damaged_batch(body)
    envelope = Envelope.of(
        {
            "sentAt": bytes(_first_said(found.sentAt, found.sent_at)),
            "context": bytes(found.context),
            "integrations": bytes(found.integrations),
        }
    )
    return Calls([bytes(item) for item in found.batch], envelope, _said(found))


def single(body: bytes, kind: str) -> Calls:
    """The one call of `/v1/<type>`. Raises `Refused` 400 for what is no JSON object at all."""
    body = body.strip()
    try:
        key = _said(_decode_single(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        outline = scan.members(body)
        if outline is None:
            raise Refused(400, "malformed_json", "The body must be a JSON object.") from None
        key = _key(outline)
    return Calls([body], Envelope(type=kind), key)


def partner(body: bytes) -> Calls:
    """The one call of the partner form. Raises `Refused` 400."""
    return single(body, "")._replace(envelope=Envelope(partner=True))


def webhook(body: bytes) -> Calls:
    """The calls of Segment's webhook: a JSON list of them, or one. Raises `Refused` 400."""
    body = body.strip()
    if body[:1] != b"[":
        return single(body, "")
    try:
        items = [bytes(item) for item in _decode_list(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        outline = scan.pieces(body)
        if outline is None:
            raise Refused(400, "malformed_json", "The body is not JSON.") from None
        items = outline
    return Calls(items, Envelope(), None)


def _damaged_batch(body: bytes) -> Calls:
    """A batch that no parser takes as a whole; one bad call in it must not cost the others."""
    outline = scan.members(body)
    items = scan.pieces(outline.get(b"batch", b"")) if outline else None
    if outline is None or items is None or not outline[b"batch"].startswith(b"["):
        raise Refused(400, "malformed_json", "The body is not JSON.")
    said = {name: outline.get(name.encode()) for name in ("context", "integrations")}
    sent_at = _first_said(outline.get(b"sentAt", b""), outline.get(b"sent_at", b""))
    envelope = Envelope.of({"sentAt": sent_at, **said})
    return Calls(items, envelope, _key(outline))


def _first_said(one: _Text, other: _Text) -> _Text:
    return other if bytes(one) in (b"", b"null") else one


def _said(found: _Batch | _Single) -> str | None:
    """The key of a body, by either of its names."""
    keys = (found.writeKey, found.write_key)
    return next((key for key in keys if isinstance(key, str) and key), None)


def _key(outline: dict[bytes, bytes]) -> str | None:
    for name in (b"writeKey", b"write_key"):
        try:
            return _decode_key(outline.get(name, b"null"))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return None
