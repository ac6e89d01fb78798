"""What takes calls, by path: how its bodies are read, how large they may be, whose keys count."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from include.collector import protocol
from include.collector.options import Limits, Options
from include.collector.protocol import Calls
from include.collector.sources import TENANT_TOKEN, WRITE_KEY

TYPES = ("identify", "track", "group", "page", "screen", "alias")
# What takes a call in the address of an image.
PIXELS = frozenset(f"/v1/pixel/{kind}" for kind in TYPES)
# `/v1/import` is what many libraries call a batch; RudderStack's beacon has its own name for it.
BATCHES = ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")
# Of Jitsu's clients, in browsers and on servers.
_JITSU = ("/api/s", "/api/s/s2s")


class Route(NamedTuple):
    """A route that calls are posted to."""

    parse: Callable[[bytes], Calls]
    limits: Limits
    key_kinds: tuple[str, ...]
    is_signed: bool = False

    @property
    def has_key_in_head(self) -> bool:
        """Whether its clients say their key before their body, always."""
        return self.key_kinds != (WRITE_KEY,)


def routes(options: Options) -> dict[str, Route]:
    """What takes calls, by path."""

    def client(parse: Callable[[bytes], Calls]) -> Route:
        return Route(parse, options.limits, (WRITE_KEY,))

    found = {path: client(protocol.batch) for path in BATCHES}
    for kind in TYPES:
        route = client(partial(protocol.single, kind=kind))
        found[f"/v1/{kind}"] = found[f"/v1/{kind[0]}"] = route
        for folder in _JITSU:
            found[f"{folder}/{kind}"] = route
    found["/dock/segment"] = Route(protocol.partner, options.limits, (TENANT_TOKEN,))
    found["/webhook"] = Route(
        protocol.webhook, options.webhook_limits, (WRITE_KEY, TENANT_TOKEN), is_signed=True
    )
    return found
