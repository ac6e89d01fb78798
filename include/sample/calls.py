"""A Segment call of the sample, and the message that goes over the wire."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# What each of the client's methods takes beside what every call has.
_ARGUMENTS = {
    "identify": ("user_id", "anonymous_id", "traits"),
    "track": ("user_id", "anonymous_id", "event", "properties"),
    "group": ("user_id", "anonymous_id", "group_id", "traits"),
    "page": ("user_id", "anonymous_id", "category", "name", "properties"),
    "screen": ("user_id", "anonymous_id", "category", "name", "properties"),
    "alias": ("user_id", "previous_id"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the client library takes it; `type` is the name of the library's method."""

    type: str
    message_id: str
    at: datetime
    user_id: str | int | None = None
    anonymous_id: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    group_id: str | int | None = None
    previous_id: str | None = None
    traits: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    integrations: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for the client's method of this type; copies, for it changes them."""
        own = {name: copy.deepcopy(getattr(self, name)) for name in _ARGUMENTS[self.type]}
        return {
            **own,
            "context": copy.deepcopy(dict(self.context)),
            "integrations": dict(self.integrations),
            "timestamp": self.at,
            "message_id": self.message_id,
        }


@dataclass(frozen=True, slots=True)
class RawCall:
    """A message that the library would not build, posted as it stands.

    `path` is where: the batch route (the message becomes its only item, or `body` is the whole
    item) or the partner form `/dock/segment`, which authenticates with a tenant token.
    """

    message_id: str
    at: datetime
    body: Mapping[str, Any]
    path: str = "/v1/batch"


AnyCall = Call | RawCall


def messages(calls: list[AnyCall]) -> list[dict[str, Any]]:
    """What the library puts into its batches for these calls (`sentAt` belongs to the batch), for
    tests that write rows themselves. Raw calls are their body.
    """
    from segment.analytics import Client

    client = Client("unused", send=False)
    built = []
    for call in calls:
        if isinstance(call, RawCall):
            built.append(copy.deepcopy(dict(call.body)))
        else:
            _, message = getattr(client, call.type)(**call.arguments())
            built.append(message)
    return built
