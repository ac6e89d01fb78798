"""Clients of Python beside Segment's present one, with nothing changed but their host."""

import os
import subprocess
import sys

import pytest

from tests.include.collector import packages
from tests.include.collector.conftest import Running

SEND = """
import importlib, sys
module, host = sys.argv[1:]
client = importlib.import_module(module).Client('demo-app', host=host, gzip=True)
client.identify('u-1', {'email': 'ä@example.com'})
client.track('u-1', 'Report Viewed', {'n': 1.5, 'list': [1, None]})
client.group('u-1', 'acme', {'seats': 3})
client.page('u-1', 'Docs', 'Start')
client.screen('u-1', 'App', 'Home')
client.alias('a-1', 'u-1')
client.flush()
client.join()
"""


@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("analytics-python==1.4.0", "analytics.client"),
        ("rudder-sdk-python==2.1.9", "rudderstack.analytics.client"),
    ],
)
def test_every_call_lands_once(collector: Running, package: str, module: str):
    folder = packages.pip(package)
    done = subprocess.run(
        [sys.executable, "-c", SEND, module, collector.url], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = collector.events()
    assert sorted(each["type"] for each in events) == [
        "alias", "group", "identify", "page", "screen", "track"
    ], done.stderr  # fmt: skip
    track = next(each["payload"] for each in events if each["type"] == "track")
    assert track["properties"] == {"n": 1.5, "list": [1, None]}
    assert "sentAt" in track
    assert "demo-app" not in str([each["payload"] for each in events])
    assert collector.quarantine() == []
