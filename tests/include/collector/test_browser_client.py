"""Segment's library for browsers in a real one: it starts from the collector alone, and lands.

The page is of another origin than the collector, as a customer's is.
"""

import functools
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from include.analytics_js import VERSION
from tests.include.collector.conftest import Running

PACKAGE = f"@segment/analytics-next@{VERSION}"

PAGE = """<!doctype html><title>A customer's page</title>
<script src="node_modules/@segment/analytics-next/dist/umd/index.js"></script>
<script>
const asked = new URLSearchParams(location.search)
const collector = asked.get('collector')
const analytics = AnalyticsNext.AnalyticsBrowser.load(
    { writeKey: 'demo-app', cdnURL: collector },
    { integrations: { 'Segment.io': JSON.parse(asked.get('how')) } },
)
</script>
"""

CALLS = """async () => {
    await analytics.identify('u-1', { email: 'ä@example.com', seats: 3 })
    await analytics.track('Report Viewed', { n: 1.5, list: [1, null] })
    await analytics.group('acme', { plan: 'pro' })
    await analytics.page('Docs', 'Start')
    await analytics.screen('App', 'Home')
    await analytics.alias('u-2', 'u-1')
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a page with the library, which is kept between runs."""
    if not shutil.which("npm"):
        pytest.skip("install Node.js and npm to try Segment's library for browsers")
    folder = Path(tempfile.gettempdir()) / f"planhat-segment-browser-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    if not (folder / "node_modules" / "@segment" / "analytics-next").is_dir():
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm could not install {PACKAGE}: is the registry reachable?")
    (folder / "index.html").write_text(PAGE)
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A headless Chromium: the system's, else Playwright's own."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="install playwright to try Segment's library for browsers"
    )
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.sync_playwright() as started:
        try:
            chromium = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error:
            pytest.skip("install Chromium (apt-get install chromium, or playwright install)")
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, site: str, collector: Running) -> Iterator[Callable]:
    """Opens the page; `how` is what its library is told of sending."""
    context = browser.new_context()
    elsewhere: list[str] = []

    def open_page(how: str = "{}"):
        page = context.new_page()
        page.on("request", lambda request: elsewhere.append(request.url))
        page.goto(f"{site}/index.html?collector={collector.url}&how={how}")
        return page

    yield open_page
    context.close()
    strangers = [each for each in elsewhere if not each.startswith((site, collector.url))]
    assert strangers == [], "something was loaded from elsewhere"


def wait_for(collector: Running, calls: int) -> list[dict]:
    """The events, when there are so many; half a minute at most."""
    deadline = time.monotonic() + 30
    while len(events := collector.events()) < calls and time.monotonic() < deadline:
        time.sleep(0.05)
    return events


BATCHING = '{"deliveryStrategy":{"strategy":"batching","config":{"size":3,"timeout":200}}}'


@pytest.mark.parametrize("how", ["{}", BATCHING])
def test_every_call_of_the_browsers_library_lands_once(visit, collector: Running, how: str):
    visit(how).evaluate(CALLS)
    events = wait_for(collector, 6)
    assert sorted(each["type"] for each in events) == [
        "alias", "group", "identify", "page", "screen", "track"
    ]  # fmt: skip
    payloads = {each["type"]: each["payload"] for each in events}
    assert payloads["track"]["properties"] == {"n": 1.5, "list": [1, None]}
    assert payloads["track"]["userId"] == "u-1"
    assert payloads["identify"]["traits"]["email"] == "ä@example.com"
    assert payloads["group"]["groupId"] == "acme"
    assert len({each["anonymousId"] for each in payloads.values() if "anonymousId" in each}) == 1
    for each in events:
        assert "writeKey" not in each["payload"]
        assert "sentAt" in each["payload"], "the sender's clock is lost"
        assert each["message_id"] == each["payload"]["messageId"]
    assert collector.quarantine() == []
    assert collector.books()["landed"] == 6


def test_what_a_page_says_as_it_is_left_lands(visit, collector: Running):
    page = visit(BATCHING.replace("200", "60000").replace('"size":3', '"size":50'))
    page.evaluate("async () => { await analytics.track('Left') }")
    assert collector.events() == []
    page.goto("about:blank")
    (event,) = wait_for(collector, 1)
    assert event["payload"]["event"] == "Left"
