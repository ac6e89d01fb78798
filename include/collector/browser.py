"""What libraries for browsers ask for before they send, so that they start from us alone.

Segment's: its settings (`/v1/projects/<write key>/settings`), and from the snippet of a web page
itself (`/analytics.js/v1/<write key>/analytics.min.js`). RudderStack's: `/sourceConfig/`.
"""

import re
from collections.abc import Awaitable, Callable

import msgspec

from include.collector import answers
from include.collector.addresses import Addresses
from include.collector.answers import Answer
from include.collector.asked import Asked
from include.collector.errors import Refused
from include.collector.keyring import Key, Keyring
from include.collector.script import Script
from include.collector.sources import WRITE_KEY

_SETTINGS = re.compile(r"/v1/projects/([^/]+)/settings")
_ENTRANCE = re.compile(r"/analytics\.js/v1/([^/]+)/(?:platform/)?analytics(?:\.min)?\.js")
_PART = re.compile(r"/analytics-next/bundles/([^/]+)")
_NEVER = re.compile(r"/next-integrations/.+|/analytics\.js/.+")


class Browser:
    """Answers what such libraries ask with GET."""

    def __init__(self, keyring: Keyring, addresses: Addresses, script: Script):
        self._keyring = keyring
        self._addresses = addresses
        self._script = script

    def route(self, path: str) -> Callable[[Asked], Awaitable[Answer]] | None:
        """What answers this path; None when nothing here does."""
        if path == "/sourceConfig":
            return self._source_config
        if _SETTINGS.fullmatch(path):
            return self._settings
        if _ENTRANCE.fullmatch(path):
            return self._entrance
        if _PART.fullmatch(path):
            return self._part
        return self._never if _NEVER.fullmatch(path) else None

    async def _settings(self, asked: Asked) -> Answer:
        write_key, _ = await self._known(_first(_SETTINGS, asked.path))
        return answers.as_json(200, browser_settings(write_key, self._address(asked)))

    async def _source_config(self, asked: Asked) -> Answer:
        write_key, key = await self._known(asked.key())
        return answers.as_json(200, source_config(write_key, key.source))

    async def _entrance(self, asked: Asked) -> Answer:
        write_key, _ = await self._known(_first(_ENTRANCE, asked.path))
        return self._script.entrance(write_key, self._address(asked), asked.headers)

    async def _part(self, asked: Asked) -> Answer:
        name = _first(_PART, asked.path)
        return self._script.part(name, self._address(asked), asked.headers)

    async def _never(self, asked: Asked) -> Answer:
        raise Refused(
            404,
            "not_found",
            "Only analytics.min.js and its parts are served here: calls are sent on by no script "
            "of a destination.",
        )

    async def _known(self, said: str | None) -> tuple[str, Key]:
        key = await self._keyring.find(said) if said else None
        if said is None or key is None or key.kind != WRITE_KEY:
            raise answers.unauthorized()
        return said, key

    def _address(self, asked: Asked) -> str:
        return self._addresses.asked(asked.host, asked.listening)


def _first(pattern: re.Pattern[str], path: str) -> str:
    found = pattern.fullmatch(path)
    assert found is not None  # the route was found by it
    return found[1]


def browser_settings(write_key: str, address: str) -> bytes:
    """JSON that makes analytics.js send to `address` (`https://calls.example.com`), in `/v1`, and
    load nothing else."""
    scheme, _, host = address.partition("://")
    allowed = {"__default": {"enabled": True, "integrations": {}}}
    return msgspec.json.encode(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": write_key,
                    "apiHost": f"{host}/v1",
                    "protocol": scheme,
                    "unbundledIntegrations": [],
                    "addBundledMetadata": True,
                    "maybeBundledConfigIds": {},
                    "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                }
            },
            "plan": {"track": allowed, "identify": allowed, "group": allowed},
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            # None are sent; a page that asks for them sends them here.
            "metrics": {"sampleRate": 0, "host": f"{host}/v1"},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }
    )


def source_config(write_key: str, source: str) -> bytes:
    """JSON that makes RudderStack's libraries begin: a source that sends to nobody else, and
    reports nothing about itself."""
    no = {"enabled": False}
    return msgspec.json.encode(
        {
            "source": {
                "id": source,
                "name": source,
                "writeKey": write_key,
                "enabled": True,
                "workspaceId": "collector",
                "config": {"statsCollection": {"errors": no, "metrics": no}},
                "destinations": [],
                "connections": [],
            }
        }
    )
