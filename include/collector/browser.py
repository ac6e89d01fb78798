"""What analytics.js asks for before it sends: `/v1/projects/<write key>/settings`.

With it the browser's library starts from this collector alone: `cdnURL` and the host of its calls
are ours.
"""

import msgspec


def browser_settings(write_key: str, scheme: str, host: str) -> bytes:
    """JSON that makes analytics.js send to `scheme://host/v1` and load nothing else."""
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
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }
    )
