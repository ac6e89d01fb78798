"""Clients of Node.js, of several makers, with nothing changed but their host."""

import subprocess

import pytest

from tests.include.collector import packages
from tests.include.collector.conftest import Running

CALLS = """
analytics.identify({ userId: 'u-1', traits: { email: 'ä@example.com' } })
analytics.track({ userId: 'u-1', event: 'Report Viewed', properties: { n: 1.5, list: [1, null] } })
analytics.group({ userId: 'u-1', groupId: 'acme', traits: { seats: 3 } })
analytics.page({ userId: 'u-1', name: 'Docs' })
analytics.screen({ anonymousId: 'a-1', name: 'Home' })
analytics.alias({ previousId: 'a-1', userId: 'u-1' })
"""

SEGMENT = f"""
const {{ Analytics }} = require('@segment/analytics-node')
const host = process.argv[2]
const analytics = new Analytics({{ writeKey: 'demo-app', host, maxEventsInBatch: 4 }})
analytics.on('error', (error) => {{ console.error(error); process.exit(1) }})
{CALLS}
analytics.closeAndFlush().then(() => process.exit(0))
"""
SEGMENT_BEFORE = f"""
const Analytics = require('analytics-node')
const analytics = new Analytics('demo-app', {{ host: process.argv[2], flushAt: 100 }})
{CALLS}
analytics.flush((error) => {{ if (error) console.error(error); process.exit(error ? 1 : 0) }})
"""
RUDDERSTACK = f"""
const Analytics = require('@rudderstack/rudder-sdk-node')
const analytics = new Analytics('demo-app', {{ dataPlaneUrl: process.argv[2], flushAt: 100 }})
{CALLS}
analytics.flush((error) => {{ if (error) console.error(error); process.exit(error ? 1 : 0) }})
"""
JITSU = """
const { jitsuAnalytics } = require('@jitsu/js')
const analytics = jitsuAnalytics({
    host: process.argv[2], writeKey: 'demo-app:secret', s2s: true, errorPolicy: 'rethrow',
})
const send = async () => {
    await analytics.identify('u-1', { email: 'ä@example.com' })
    await analytics.track('Report Viewed', { n: 1.5, list: [1, null] })
    await analytics.page({ name: 'Docs' })
}
send().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })
"""
ALL = ["alias", "group", "identify", "page", "screen", "track"]


@pytest.mark.parametrize("host", ["{}", "{}/"])
@pytest.mark.parametrize(
    ("package", "script", "types"),
    [
        ("@segment/analytics-node@3.1.0", SEGMENT, ALL),
        ("analytics-node@6.2.0", SEGMENT_BEFORE, ALL),
        ("@rudderstack/rudder-sdk-node@3.0.13", RUDDERSTACK, ALL),
        ("@jitsu/js@1.11.0", JITSU, ["identify", "page", "track"]),
    ],
    ids=["segment", "segment-before", "rudderstack", "jitsu"],
)
def test_every_call_lands_once(
    collector: Running, package: str, script: str, types: list[str], host: str
):
    folder = packages.npm(package)
    (folder / "send.js").write_text(script)
    done = subprocess.run(
        ["node", str(folder / "send.js"), host.format(collector.url)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = collector.events()
    assert sorted(each["type"] for each in events) == types, done.stdout
    payloads = {each["type"]: each["payload"] for each in events}
    assert payloads["track"]["properties"].items() >= {"n": 1.5, "list": [1, None]}.items()
    assert payloads["identify"]["traits"]["email"] == "ä@example.com"
    assert "demo-app" not in str(payloads), "a key is stored"
    assert all("sentAt" in each for each in payloads.values()), "the sender's clock is lost"
    assert all(each["message_id"] == each["payload"]["messageId"] for each in events)
    assert collector.quarantine() == []
