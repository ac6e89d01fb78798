"""One call's bytes: a row to land, or a reason why it cannot be.

The bytes are checked and passed on; they are not decoded and encoded again. What a batch says for
all its calls (`sentAt`, `context`, `integrations`) is appended to the object's end, where it wins
over an earlier key of the same name, in Postgres as in every parser.
"""

import hashlib
import re
from typing import NamedTuple

import msgspec

from include.collector import scan
from include.collector.options import Limits

MAX_DEPTH = 100

NOTHING = msgspec.Raw(b"")
_Key = str | int | float | bool | None


class Row(NamedTuple):
    """A call that can land. Everything is UTF-8; `place` is its index in the request."""

    place: int
    message_id: bytes
    type: bytes
    payload: bytes


class Bad(NamedTuple):
    """A call that cannot: a reason from a short list, the detail, and the text as it came.

    `envelope` is what the request said for all its calls, so that `make replay` can read the text
    again exactly as it was read the first time.
    """

    place: int
    reason: str
    detail: str
    text: str
    envelope: str | None


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a request says for all its calls. Values are JSON as it stood; empty means not said."""

    type: str = ""
    sentAt: msgspec.Raw = NOTHING
    context: msgspec.Raw = NOTHING
    integrations: msgspec.Raw = NOTHING
    # Segment's partner form writes the keys of a call in snake_case.
    partner: bool = False

    def text(self) -> str | None:
        """JSON of the envelope for `raw_segment.quarantine`; None when it says nothing."""
        said = _encode(self)
        return None if said == b"{}" else said.decode()

    @classmethod
    def from_text(cls, text: str | None) -> "Envelope":
        """The envelope that `text` was made of."""
        return msgspec.json.decode(text, type=cls) if text else cls()


class _Call(msgspec.Struct, gc=False):
    """The keys of a call that decide whether it can land. Their types are the check."""

    type: str | None = None
    messageId: _Key = None
    userId: _Key = None
    anonymousId: _Key = None
    groupId: _Key = None
    previousId: _Key = None
    event: _Key = None
    traits: msgspec.Raw = NOTHING
    properties: msgspec.Raw = NOTHING
    context: msgspec.Raw = NOTHING
    integrations: msgspec.Raw = NOTHING
    sentAt: msgspec.Raw = NOTHING
    writeKey: msgspec.Raw = NOTHING


_decode_call = msgspec.json.Decoder(_Call).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_PAIRED = re.compile(rb"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..")
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Numbers beyond what readers of JSON hold: below 1e-300, above 1e300, or of 400 digits. The first
# pattern is quick and also finds ids such as 12e456; the second is for text without its strings.
_MAYBE_HUGE = re.compile(rb"\d[eE][+-]?\d\d\d|\d{400}")
_HUGE = re.compile(rb"\d[eE][+-]?0*(?:[1-9]\d{3,}|[4-9]\d\d|3\d[1-9]|3[1-9]\d)|\d{400}")
_WRITE_KEY = re.compile(r'("(?:writeKey|write_key)"\s*:\s*")[^"]*')

_PARTNER_NAMES = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "group_id": "groupId",
    "previous_id": "previousId",
    "message_id": "messageId",
    "sent_at": "sentAt",
    "received_at": "receivedAt",
    "original_timestamp": "originalTimestamp",
    "write_key": "writeKey",
}


class _Unfit(Exception):
    def __init__(self, reason: str, detail: str):
        self.reason = reason
        self.detail = detail


def read_event(
    raw: bytes, place: int, source: str, envelope: Envelope, limits: Limits
) -> Row | Bad:
    """The row of one call, or what is wrong with it; raises nothing for any bytes.

    `source` is part of the message id that a call without one is given: the same call sent again
    has the same id.
    """
    try:
        return _read(raw, place, source, envelope, limits)
    except _Unfit as unfit:
        return bad(raw, place, envelope, unfit.reason, unfit.detail)


def bad(raw: bytes, place: int, envelope: Envelope, reason: str, detail: str) -> Bad:
    """A call for the quarantine; its text is readable whatever the bytes are, without the key."""
    text = raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return Bad(place, reason, detail, _WRITE_KEY.sub(r"\1", text), envelope.text())


def _read(raw: bytes, place: int, source: str, envelope: Envelope, limits: Limits) -> Row:
    if len(raw) > limits.event_bytes:
        raise _Unfit("too_large", f"{len(raw)} bytes; at most {limits.event_bytes}")
    _check_text(raw)
    if envelope.partner:
        raw = _with_segment_names(raw)
    call = _decoded(raw)
    kind = call.type or envelope.type
    _check_shape(call, kind)
    message_id = _message_id(call)
    if not message_id:
        message_id = _made_message_id(raw, kind, source)
    if call.writeKey:
        raw = _without_write_key(raw)
    payload = _with_envelope(raw, call, envelope)
    return Row(place, message_id.encode(), kind.encode(), payload)


def _check_text(raw: bytes) -> None:
    """What a JSON parser lets pass and Postgres, or a reader of the table, does not."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise _Unfit("invalid_utf8", f"byte {error.start}: {error.reason}") from None
    if b"\\u0000" in raw and _NUL.search(raw):
        raise _Unfit("nul_character", "a text contains the character \\u0000")
    if _MAYBE_HUGE.search(raw) and (huge := _HUGE.search(scan.without_strings(raw))):
        raise _Unfit("number_out_of_range", huge[0][:50].decode())
    # Counting is quick, and most calls have fewer brackets than the limit has levels.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and scan.depth(raw) > MAX_DEPTH:
        raise _Unfit("too_deep", f"nested deeper than {MAX_DEPTH} levels")


def _decoded(raw: bytes) -> _Call:
    try:
        return _decode_call(raw)
    except msgspec.ValidationError as error:
        if raw.lstrip()[:1] != b"{":
            raise _Unfit("not_an_object", "a call must be a JSON object") from None
        raise _Unfit("wrong_shape", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _LONE_SURROGATE.search(_PAIRED.sub(b"", raw)):
            raise _Unfit("lone_surrogate", str(error)) from None
        raise _Unfit("malformed_json", str(error)) from None
    except RecursionError:
        raise _Unfit("too_deep", f"nested deeper than {MAX_DEPTH} levels") from None


def _check_shape(call: _Call, kind: str) -> None:
    if not kind.strip():
        raise _Unfit("missing_type", "a call needs a type, such as track")
    if kind == "track" and (call.event is None or not str(call.event).strip()):
        raise _Unfit("missing_event", "a track call needs the name of its event")
    for name in ("traits", "properties", "context", "integrations"):
        # A list passes: some clients write an empty object as one.
        if bytes(getattr(call, name))[:1] not in (b"", b"{", b"[", b"n"):
            raise _Unfit("wrong_shape", f"Expected `object` - at `$.{name}`")


def _message_id(call: _Call) -> str:
    if isinstance(call.messageId, str):
        return call.messageId.strip()
    return "" if call.messageId is None else _encode(call.messageId).decode()


def _made_message_id(raw: bytes, kind: str, source: str) -> str:
    """An id made of the content: `sentAt` differs each time a client tries again."""
    content = _decode_object(raw)
    for name in ("sentAt", "writeKey", "messageId"):
        content.pop(name, None)
    digest = hashlib.sha256(f"{source}\n{kind}\n".encode())
    for name in sorted(content):
        digest.update(_encode(name) + b":" + bytes(content[name]) + b",")
    return f"made-{digest.hexdigest()[:40]}"


def _without_write_key(raw: bytes) -> bytes:
    content = _decode_object(raw)
    content.pop("writeKey", None)
    return _encode(content)


def _with_segment_names(raw: bytes) -> bytes:
    """The partner form's keys in Segment's own spelling, where that is not there already."""
    try:
        content = _decode_object(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw  # said properly when the call is decoded
    for name, segment_name in _PARTNER_NAMES.items():
        if name in content:
            content.setdefault(segment_name, content.pop(name))
    return _encode(content)


def _with_envelope(raw: bytes, call: _Call, envelope: Envelope) -> bytes:
    said = b""
    if not call.type:
        said += b',"type":' + _encode(envelope.type)
    if envelope.sentAt and not call.sentAt:
        said += b',"sentAt":' + bytes(envelope.sentAt)
    for name in ("context", "integrations"):
        if outer := getattr(envelope, name):
            said += b',"%s":%s' % (name.encode(), _united(outer, getattr(call, name)))
    if not said:
        return raw
    head = raw.rstrip()[:-1].rstrip()
    return head + (said[1:] if head == b"{" else said) + b"}"


def _united(outer: msgspec.Raw, inner: msgspec.Raw) -> bytes:
    """Both objects in one; what the call says itself stands."""
    if bytes(inner)[:1] != b"{":
        return bytes(outer)
    return _encode({**_decode_object(outer), **_decode_object(inner)})
