"""Planned rows → Segment messages, in the shape that segment-analytics-python gives its own.

Equal to what `segment.analytics.Client(send=False)` builds from the same traits: the tests compare.
Built here and not by the client because the client stamps its own clock and measures each message
by encoding it once more, which halves the speed.
"""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from segment.analytics.version import VERSION

LIBRARY = {"name": "analytics-python", "version": VERSION}

# Segment refuses more: 32 KB a message.
MESSAGE_BYTES = 32 * 1024

# An upper bound of what a message adds around its traits: names, ids, timestamp, library.
ENVELOPE_BYTES = 700


class Planned(NamedTuple):
    """One row of `sync.planned` as it is read for sending; `payload` is JSON text."""

    position: int
    call: str
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    group_id: str | None
    message_id: str
    payload: str


def message_timestamp(moment: datetime) -> str:
    """A message's timestamp, in UTC and to the millisecond as the library writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def build_message(row: Planned, numbers: Collection[str], timestamp: str) -> dict[str, Any]:
    """The message of one planned row. `numbers` are the columns that always go out as floats."""
    values = msgspec.json.decode(row.payload)
    for name in numbers:
        value = values.get(name)
        if type(value) is int:
            values[name] = float(value)
    context = {"library": LIBRARY}
    if row.call == "group":
        return {
            "integrations": {},
            "anonymousId": row.anonymous_id,
            "timestamp": timestamp,
            "groupId": row.group_id,
            "context": context,
            "userId": row.user_id,
            "traits": values,
            "type": "group",
            "messageId": row.message_id,
        }
    if row.call == "identify":
        return {
            "integrations": {},
            "anonymousId": row.anonymous_id,
            "timestamp": timestamp,
            "context": context,
            "type": "identify",
            "userId": row.user_id,
            "traits": values,
            "messageId": row.message_id,
        }
    return {
        "integrations": {},
        "anonymousId": row.anonymous_id,
        "properties": values,
        "timestamp": timestamp,
        "context": context,
        "userId": row.user_id,
        "type": "track",
        "event": row.event,
        "messageId": row.message_id,
    }


def message_bytes(message: dict[str, Any]) -> int:
    """The message's size as it travels: JSON, everything beyond ASCII escaped."""
    return len(json.dumps(message))


def estimate_bytes(row: Planned, numbers: Collection[str]) -> int:
    """At least `message_bytes` of the row's message, without encoding it where that is possible."""
    text = row.payload
    size = len(text) if text.isascii() else len(json.dumps(json.loads(text)))
    # A whole number gains ".0"; very long ones shrink.
    size += 2 * len(numbers) + ENVELOPE_BYTES
    for each in (row.user_id, row.group_id, row.event):
        if each is not None:
            size += 6 * len(each)
    return size
