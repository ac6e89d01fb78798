"""Segment's library for Node, installed from the registry, with nothing changed but its host."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.include.collector.conftest import Running

PACKAGE = "@segment/analytics-node@3.1.0"

SEND = """
const { Analytics } = require('@segment/analytics-node')
const host = process.argv[2]
const analytics = new Analytics({ writeKey: 'demo-app', host, maxEventsInBatch: 4 })
analytics.on('error', (error) => { console.error(error); process.exit(1) })
analytics.identify({ userId: 'u-1', traits: { email: 'ä@example.com' } })
analytics.track({ userId: 'u-1', event: 'Report Viewed', properties: { n: 1.5, list: [1, null] } })
analytics.group({ userId: 'u-1', groupId: 'acme', traits: { seats: 3 } })
analytics.page({ userId: 'u-1', name: 'Docs' })
analytics.screen({ anonymousId: 'a-1', name: 'Home' })
analytics.alias({ previousId: 'a-1', userId: 'u-1' })
analytics.closeAndFlush().then(() => process.exit(0))
"""


@pytest.fixture(scope="module")
def packages() -> Path:
    """A folder with the library, kept between runs."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("install Node.js and npm to try Segment's Node library")
    folder = Path(tempfile.gettempdir()) / f"planhat-segment-node-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    if not (folder / "node_modules" / "@segment" / "analytics-node").is_dir():
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm could not install {PACKAGE}: is the registry reachable?")
    return folder


def test_every_call_of_the_node_library_lands_once(collector: Running, packages: Path):
    script = packages / "send.js"
    script.write_text(SEND)
    done = subprocess.run(
        ["node", str(script), collector.url],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = collector.events()
    assert sorted(each["type"] for each in events) == [
        "alias", "group", "identify", "page", "screen", "track"
    ]  # fmt: skip
    track = next(each["payload"] for each in events if each["type"] == "track")
    assert track["properties"] == {"n": 1.5, "list": [1, None]}
    assert all("writeKey" not in each["payload"] for each in events)
    assert all("sentAt" in each["payload"] for each in events), "the sender's clock is lost"
