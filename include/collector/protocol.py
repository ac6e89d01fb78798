"""A request's body: the calls in it and what it says for all of them."""

import zlib
from typing import Any, NamedTuple

import msgspec

from include.collector import scan
from include.collector.errors import Refused
from include.collector.event import NOTHING, Envelope
from include.collector.options import Limits


class Calls(NamedTuple):
    """The calls of one request, each as the bytes it came in."""

    items: list[bytes]
    envelope: Envelope
    write_key: str | None


class _Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    writeKey: Any = None
    sentAt: msgspec.Raw = NOTHING
    context: msgspec.Raw = NOTHING
    integrations: msgspec.Raw = NOTHING


class _Single(msgspec.Struct, gc=False):
    writeKey: Any = None


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_single = msgspec.json.Decoder(_Single).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_key = msgspec.json.Decoder(str).decode


def decompressed(body: bytes, encoding: bytes, limits: Limits) -> bytes:
    """The body as it was before `Content-Encoding`. Raises `Refused` 400, 413 or 415.

    Never makes more than the limit, whatever the body claims.
    """
    if encoding in (b"", b"identity"):
        return body
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        raise Refused(415, "unsupported_encoding", "Content-Encoding must be gzip or deflate.")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip and zlib are told apart by zlib
    try:
        plain = inflate.decompress(body, limits.body_bytes + 1)
    except zlib.error:
        raise Refused(
            400, "bad_compression", "The body is not what Content-Encoding says."
        ) from None
    if len(plain) > limits.body_bytes:
        raise too_large(limits)
    if not inflate.eof:
        raise Refused(400, "bad_compression", "The compressed body ends too early.")
    return plain


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
            "sentAt": bytes(found.sentAt),
            "context": bytes(found.context),
            "integrations": bytes(found.integrations),
        }
    )
    key = found.writeKey if isinstance(found.writeKey, str) else None
    return Calls([bytes(item) for item in found.batch], envelope, key)


def single(body: bytes, kind: str) -> Calls:
    """The one call of `/v1/<type>`. Raises `Refused` 400 for what is no JSON object at all."""
    body = body.strip()
    try:
        key = _decode_single(body).writeKey
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        outline = scan.members(body)
        if outline is None:
            raise Refused(400, "malformed_json", "The body must be a JSON object.") from None
        key = _key(outline)
    return Calls([body], Envelope(type=kind), key if isinstance(key, str) else None)


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
    said = {name: outline.get(name.encode()) for name in ("sentAt", "context", "integrations")}
    envelope = Envelope.of(said)
    return Calls(items, envelope, _key(outline))


def _key(outline: dict[bytes, bytes]) -> str | None:
    try:
        return _decode_key(outline.get(b"writeKey", b"null"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
