"""Planned rows → Segment messages, in the shape that segment-analytics-python gives its own.

But for the library's name, which is ours, equal to what `segment.analytics.Client(send=False)`
builds from the same traits: the tests compare.
Built here and not by the client because the client stamps its own clock and measures each message
by encoding it once more, which halves the speed.
"""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from include import __version__

# Shared by all messages, which are encoded and never changed.
CONTEXT = {"library": {"name": "planhat-segment", "version": __version__}}
NOTHING: dict[str, Any] = {}

# Segment refuses more: 32 KB a message.
MESSAGE_BYTES = 32 * 1024

# At least what a message has besides its values and what `sync.planned.bytes` counts: names, its
# id, timestamp, library, and a comma.
ENVELOPE_BYTES = 400

# A whole number gains ".0", one of seventeen digits or more an exponent.
FLOAT_BYTES = 5


class Planned(NamedTuple):
    """One row of `sync.planned` as it is read for sending; `values` are traits or properties."""

    call: str
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    group_id: str | None
    message_id: str
    values: dict[str, Any]


_ROWS = msgspec.json.Decoder(list[Planned])


def message_timestamp(moment: datetime) -> str:
    """A message's timestamp, in UTC and to the millisecond as the library writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def build_messages(rows: str, numbers: Collection[str], timestamp: str) -> list[dict[str, Any]]:
    """The messages of planned rows, given as a JSON array of arrays in the order of `Planned`."""
    return [build_message(row, numbers, timestamp) for row in _ROWS.decode(rows)]


def build_message(row: Planned, numbers: Collection[str], timestamp: str) -> dict[str, Any]:
    """The message of one planned row. `numbers` are the columns that always go out as floats."""
    call, event, user_id, anonymous_id, group_id, message_id, values = row
    for name in numbers:
        value = values.get(name)
        if type(value) is int:
            values[name] = float(value)
    if call == "group":
        return {
            "integrations": NOTHING,
            "anonymousId": anonymous_id,
            "timestamp": timestamp,
            "groupId": group_id,
            "context": CONTEXT,
            "userId": user_id,
            "traits": values,
            "type": "group",
            "messageId": message_id,
        }
    if call == "identify":
        return {
            "integrations": NOTHING,
            "anonymousId": anonymous_id,
            "timestamp": timestamp,
            "context": CONTEXT,
            "type": "identify",
            "userId": user_id,
            "traits": values,
            "messageId": message_id,
        }
    return {
        "integrations": NOTHING,
        "anonymousId": anonymous_id,
        "properties": values,
        "timestamp": timestamp,
        "context": CONTEXT,
        "userId": user_id,
        "type": "track",
        "event": event,
        "messageId": message_id,
    }


def message_bytes(message: dict[str, Any]) -> int:
    """The message's size as it travels: JSON, everything beyond ASCII escaped."""
    return len(json.dumps(message))
