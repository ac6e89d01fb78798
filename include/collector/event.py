"""One call's bytes: a row to land, or a reason why it cannot be.

The bytes are checked and passed on; they are not decoded and encoded again. What a batch says for
all its calls (`sentAt`, `context`, `integrations`) is appended to the object's end, where it wins
over an earlier key of the same name, in Postgres as in every parser.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, NamedTuple

import msgspec

from include.blank import cut
from include.collector import scan
from include.collector.field_rules import SourceRules, united
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from include.collector.screening import OPEN, Screen
from include.collector.write_keys import without_keys, without_keys_in_text

MAX_DEPTH = 100
MAX_EXPONENT = 300
MAX_DIGITS = 400

# Characters. Segment's own message ids have at most 100, its types at most 8.
LONGEST_MESSAGE_ID = 500
LONGEST_TYPE = 100

NOTHING = msgspec.Raw(b"")

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """A call that can land. Everything is UTF-8; `place` is its index in the request.

    `rules`: the numbers of the field rules that have changed it, `3,17`.
    """

    place: int
    message_id: bytes
    type: bytes
    payload: bytes
    rules: bytes = b""


class Bad(NamedTuple):
    """A call that cannot: a reason from a short list, the detail, and the text as it came.

    `envelope` is what the request said for all its calls, so that `make replay` can read the text
    again exactly as it was read the first time. `message_id` is the id that it lands with if its
    text says none; None: it says one, or is no call at all. `rules`: as of a row; `0` where field
    rules could not be followed and the text is not kept.
    """

    place: int
    reason: str
    detail: str
    text: str
    envelope: str | None
    message_id: str | None = None
    rules: str = ""

    @property
    def all_text(self) -> str:
        """Everything that would be kept of it."""
        return f"{self.text}\n{self.envelope}" if self.envelope else self.text


class Unusable(msgspec.Struct, frozen=True, gc=False):
    """What a request says for all its calls and cannot be stored: why, and the text as it came."""

    reason: str
    detail: str
    text: str


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a request says for all its calls. Values are JSON as it stood; empty means not said."""

    type: str = ""
    sentAt: msgspec.Raw = NOTHING
    context: msgspec.Raw = NOTHING
    integrations: msgspec.Raw = NOTHING
    # Segment's partner form writes the keys of a call in snake_case.
    partner: bool = False
    # By member. While there is one, none of the calls can be stored as it was meant: without an
    # opt-out in `integrations`, say, it would mean something else.
    unusable: dict[str, Unusable] = {}

    @classmethod
    def of(cls, said: Mapping[str, bytes | None]) -> "Envelope":
        """The envelope of a batch that says `sentAt`, `context`, `integrations` as these texts."""
        usable: dict[str, Any] = {}
        unusable: dict[str, Unusable] = {}
        for name, raw in said.items():
            try:
                if raw and _is_said(name, raw):
                    usable[name] = msgspec.Raw(without_keys(raw))
            except _Unfit as unfit:
                detail = f"{name} of the batch: {unfit.detail}"
                unusable[name] = Unusable(unfit.reason, detail, _readable(raw or b""))
        return cls(**usable, unusable=unusable)

    @property
    def shared(self) -> bytes:
        """What it says of each call's content: not when it was sent, and nothing for nothing."""
        return bytes(self.context) + bytes(self.integrations)

    @property
    def size(self) -> int:
        """How long its parts are together."""
        said = len(self.sentAt) + len(self.context) + len(self.integrations)
        return said + sum(len(each.text) for each in self.unusable.values())

    def text(self) -> str | None:
        """JSON of the envelope for `raw_segment.quarantine`; None when it says nothing."""
        said = _encode(self)
        return None if said == b"{}" else said.decode()

    @classmethod
    def from_text(cls, text: str | None) -> "Envelope":
        """The envelope that `text` was made of; what was unusable is looked at again."""
        kept = msgspec.json.decode(text, type=cls) if text else cls()
        if not kept.unusable:
            return kept
        again = cls.of({name: each.text.encode() for name, each in kept.unusable.items()})
        members = {name: getattr(again, name) for name in kept.unusable}
        return msgspec.structs.replace(kept, **members, unusable=again.unusable)


def _in_range(text: str) -> None:
    """Refuse a fraction that Postgres would write out in thousands of digits, or no reader hold."""
    exponent = text.lower().partition("e")[2]
    if len(text) > MAX_DIGITS or (exponent and abs(int(exponent)) > MAX_EXPONENT):
        raise ValueError("Number out of range")


# Decoding a call checks its text, its numbers (a whole number of more than 4,300 digits is out of
# msgspec's range) and its form at once, and costs less than any regular expression over it.
_decode = msgspec.json.Decoder(float_hook=_in_range).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_BACKSLASH = ord("\\")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_PAIRED = re.compile(rb"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..")
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_KEYS = ("messageId", "userId", "anonymousId", "groupId", "previousId", "event")
_OBJECTS = ("traits", "properties", "context", "integrations")

_NESTED: frozenset[type] = frozenset((dict, list))
_OBJECT_OR_NOTHING: frozenset[type] = frozenset((dict, list, NoneType))

# The partner form's names of a call's members, and Segment's.
_PARTNER_NAMES = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "group_id": "groupId",
    "previous_id": "previousId",
    "message_id": "messageId",
    "sent_at": "sentAt",
    "received_at": "receivedAt",
    "original_timestamp": "originalTimestamp",
}

_SEGMENTS_TYPES = frozenset(("identify", "track", "group", "page", "screen", "alias"))


class _Unfit(Exception):
    def __init__(self, reason: str, detail: str):
        self.reason = reason
        self.detail = detail


def read_event(
    raw: bytes, place: int, ids: MadeIds, envelope: Envelope, limits: Limits
) -> Row | Bad:
    """The row of one call, or what is wrong with it; raises nothing for any bytes.

    A call without a message id, good or bad, gets one of `ids`, which are those of its request or
    file: its calls are read in their order, each once.
    """
    found = read_wanted(raw, place, ids, envelope, limits, OPEN, _ANY_TIME)
    assert found is not None, "nobody is turned away"
    return found


def read_wanted(
    raw: bytes, place: int, ids: MadeIds, envelope: Envelope, limits: Limits,
    screen: Screen, at: datetime,
) -> Row | Bad | None:  # fmt: skip
    """The same of a call that arrived at `at`, as the privacy settings leave it; None when its
    person is suppressed.
    """
    try:
        return _read(raw, place, ids, envelope, limits, screen, at)
    except _Unfit as unfit:
        found = bad(raw, place, ids, envelope, unfit.reason, unfit.detail)
        return kept_apart(found, screen, raw, envelope)


def kept_apart(bad: Bad, screen: Screen, raw: bytes, envelope: Envelope) -> Bad | None:
    """What the privacy settings leave of a call for the quarantine, which was made of `raw`."""
    if screen.turned_away is not None and screen.turned_away.text(bad.all_text):
        return None
    if screen.rules is None:
        return bad
    outline = _outline(raw, envelope)
    kind = _kind(outline, envelope) if outline is not None else envelope.type
    return without_ruled_out(bad, screen.rules, kind)


def without_ruled_out(bad: Bad, rules: SourceRules, kind: str) -> Bad:
    """A call for the quarantine as field rules leave it: of what they cannot be followed in, no
    text. `kind`: its type, as far as it is known.
    """
    done, text, envelope, detail = bad.rules, bad.text, bad.envelope, bad.detail
    if text:
        left, by = rules.text(text, kind)
        if left is None:
            size = len(text.encode("utf-8", "replace"))
            detail += f"; field rules cannot be followed in its {size} bytes, which are not kept"
        text, done = left or "", united(done, by)
    if envelope is not None:
        envelope, by = rules.envelope(envelope, kind)
        done = united(done, by)
    return bad._replace(text=text, envelope=envelope, detail=detail, rules=done)


def bad(raw: bytes, place: int, ids: MadeIds, envelope: Envelope, reason: str, detail: str) -> Bad:
    """A call for the quarantine; its text is readable whatever the bytes are, without the key."""
    content = _outline(raw, envelope)
    message_id = None
    if content is not None and _says_no_id(content):
        message_id = ids.make(content, _kind(content, envelope), envelope.shared)
    return Bad(place, reason, detail, _readable(raw), envelope.text(), message_id)


def _readable(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return without_keys_in_text(text)


def _read(
    raw: bytes, place: int, ids: MadeIds, envelope: Envelope, limits: Limits,
    screen: Screen, at: datetime,
) -> Row | None:  # fmt: skip
    turned_away, rules = screen
    if len(raw) > limits.event_bytes:
        raise _Unfit("too_large", f"{len(raw)} bytes; at most {limits.event_bytes}")
    _check_text(raw)
    if envelope.partner:
        raw = _with_segment_names(raw)
    call = _decoded_call(raw)
    kind = call.get("type") or envelope.type
    if turned_away is not None and turned_away.call(call, raw, kind, at):
        return None
    _check_shape(call, kind)
    message_id = _message_id(call)
    if len(message_id) > LONGEST_MESSAGE_ID:
        detail = f"{len(message_id)} characters; at most {LONGEST_MESSAGE_ID}"
        raise _Unfit("message_id_too_long", detail)
    for unusable in envelope.unusable.values():
        raise _Unfit(unusable.reason, unusable.detail)
    if not message_id:
        message_id = ids.make(_members(raw), kind, envelope.shared)
    payload = _with_envelope(without_keys(raw), call, envelope)
    if turned_away is not None and envelope.context and turned_away.payload(payload, kind, at):
        return None  # by what its batch says of it
    if rules is None:
        return Row(place, message_id.encode(), kind.encode(), payload)
    if envelope.context:
        payload, by = rules.payload(payload, kind)
    else:
        payload, by = rules.call(call, payload, kind)
    return Row(place, message_id.encode(), kind.encode(), payload, by.encode())


def _is_said(name: str, raw: bytes) -> bool:
    """Whether a batch says anything with this member. Raises `_Unfit` when it cannot be stored."""
    _check_text(raw)
    value = _decoded(raw)
    if name == "sentAt":
        if isinstance(value, (dict, list)):
            raise _Unfit("wrong_shape", "it must be a time")
        return value is not None
    # As in a call, an empty list may stand for an empty object.
    if value and not isinstance(value, dict):
        raise _Unfit("wrong_shape", "it must be an object")
    return isinstance(value, dict)


def _check_text(raw: bytes) -> None:
    """Refuse what a parser takes and Postgres, or a reader, does not."""
    if _BACKSLASH in raw and b"\\u0000" in raw and _NUL.search(raw):
        raise _Unfit("nul_character", "a text contains the character \\u0000")
    # Counting is quick, and most calls have fewer brackets than the limit has levels.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and scan.depth(raw) > MAX_DEPTH:
        raise _Unfit("too_deep", f"nested deeper than {MAX_DEPTH} levels")


def _decoded_call(raw: bytes) -> dict[str, Any]:
    call = _decoded(raw)
    if type(call) is not dict:
        raise _Unfit("not_an_object", "a call must be a JSON object")
    return call


def _decoded(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except UnicodeDecodeError:
        raise _unreadable(raw, "") from None
    except msgspec.ValidationError as error:
        raise _Unfit("number_out_of_range", str(error)) from None
    except msgspec.DecodeError as error:
        raise _unreadable(raw, str(error)) from None
    except RecursionError:
        raise _Unfit("too_deep", f"nested deeper than {MAX_DEPTH} levels") from None


def _unreadable(raw: bytes, detail: str) -> _Unfit:
    """The most telling of the reasons why a text is no JSON."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return _Unfit("invalid_utf8", f"byte {error.start}: {error.reason}")
    is_surrogate = _LONE_SURROGATE.search(_PAIRED.sub(b"", raw))
    return _Unfit("lone_surrogate" if is_surrogate else "malformed_json", detail)


def _check_shape(call: dict[str, Any], kind: Any) -> None:
    if not isinstance(kind, str):
        raise _Unfit("wrong_shape", "type must be a text")
    if kind not in _SEGMENTS_TYPES:
        if not cut(kind):
            raise _Unfit("missing_type", "a call needs a type, such as track")
        if len(kind) > LONGEST_TYPE:
            raise _Unfit("type_too_long", f"{len(kind)} characters; at most {LONGEST_TYPE}")
    for name in _KEYS:
        if type(call.get(name)) in _NESTED:
            raise _Unfit("wrong_shape", f"{name} must be a text or a number")
    if kind == "track" and not cut(str(call.get("event") or "")):
        raise _Unfit("missing_event", "a track call needs the name of its event")
    # A list passes: some clients write an empty object as one.
    for name in _OBJECTS:
        if type(call.get(name)) not in _OBJECT_OR_NOTHING:
            raise _Unfit("wrong_shape", f"{name} must be an object")


def _message_id(call: dict[str, Any]) -> str:
    """The id that a call says, in either spelling; empty when it says none."""
    if said := _text(call.get("messageId")):
        return said
    other = call.get("message_id")
    if type(other) in _NESTED:
        raise _Unfit("wrong_shape", "message_id must be a text or a number")
    return _text(other)


def _text(said: Any) -> str:
    if isinstance(said, str):
        return cut(said)
    return "" if said is None else _encode(said).decode()


def _outline(raw: bytes, envelope: Envelope) -> dict[str, bytes] | None:
    """The members of a call that may be no JSON; None when it is nothing with members."""
    try:
        content = _members(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = scan.members(raw)
        if found is None:
            return None
        content = {name.decode("utf-8", "replace"): value for name, value in found.items()}
    return _renamed(content) if envelope.partner else content


def _says_no_id(content: dict[str, bytes]) -> bool:
    for name in ("messageId", "message_id"):
        try:
            if _text(_decode(content.get(name, b"null"))):
                return False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False  # it says something
    return True


def _kind(content: dict[str, bytes], envelope: Envelope) -> str:
    try:
        said = _decode(content.get("type", b"null"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    return said if said and isinstance(said, str) else envelope.type


def _members(raw: bytes) -> dict[str, bytes]:
    return {name: bytes(value) for name, value in _decode_object(raw).items()}


def _with_segment_names(raw: bytes) -> bytes:
    """The partner form's members under Segment's names."""
    try:
        content = _members(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw  # said properly when the call is decoded
    return _encode({name: msgspec.Raw(value) for name, value in _renamed(content).items()})


def _renamed(content: dict[str, bytes]) -> dict[str, bytes]:
    """The same members; one whose place under Segment's name is taken stays where it is."""
    for name, segment_name in _PARTNER_NAMES.items():
        if name in content and content.get(segment_name, b"null") == b"null":
            content[segment_name] = content.pop(name)
    return content


def _with_envelope(raw: bytes, call: dict[str, Any], envelope: Envelope) -> bytes:
    said = b""
    if not call.get("type"):
        said += b',"type":' + _encode(envelope.type)
    if envelope.sentAt and not (call.get("sentAt") or call.get("sent_at")):
        said += b',"sentAt":' + bytes(envelope.sentAt)
    if envelope.context:
        said += b',"context":' + _united(envelope.context, raw, "context")
    if envelope.integrations:
        said += b',"integrations":' + _united(envelope.integrations, raw, "integrations")
    if not said:
        return raw
    head = (raw if raw[-1:] == b"}" else raw.rstrip())[:-1]
    if not call:
        head, said = b"{", said[1:]
    return b"%s%s}" % (head, said)


def _united(outer: msgspec.Raw, raw: bytes, name: str) -> bytes:
    """Both objects in one; what the call says itself stands."""
    inner = _decode_object(raw).get(name, NOTHING)
    if bytes(inner)[:1] != b"{":
        return bytes(outer)
    return _encode({**_decode_object(outer), **_decode_object(inner)})
