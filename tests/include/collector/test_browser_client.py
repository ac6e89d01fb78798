"""Libraries for browsers in a real one: they start from the collector alone, and their calls land.

The page is of another origin than the collector, as a customer's is.
"""

import functools
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from include.analytics_js import VERSION
from tests.include.collector import packages
from tests.include.collector.conftest import Running

ANALYTICS_NEXT = f"@segment/analytics-next@{VERSION}"
RUDDERSTACK = "@rudderstack/analytics-js@3.34.1"
RUDDERSTACK_BEFORE = "rudder-sdk-js@2.52.21"
JITSU = "@jitsu/js@1.11.0"
SNIPPET = "@segment/snippet@5.2.1"

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
RUDDERSTACK_PAGE = """<!doctype html><title>A customer's page</title>
<script src="node_modules/SCRIPT"></script>
<script>
const asked = new URLSearchParams(location.search)
const collector = asked.get('collector')
const analytics = rudderanalytics
analytics.load('demo-app', collector, { configUrl: collector, ...JSON.parse(asked.get('how')) })
</script>
"""
JITSU_PAGE = """<!doctype html><title>A customer's page</title>
<script type="module">
import { jitsuAnalytics } from './node_modules/@jitsu/js/dist/jitsu.es.js'
const host = new URLSearchParams(location.search).get('collector')
window.analytics = jitsuAnalytics({ host, writeKey: 'demo-app:secret', errorPolicy: 'rethrow' })
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
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder, and gives its address: an origin of its own."""
    servers: list[ThreadingHTTPServer] = []

    def one(folder: Path) -> str:
        handler = functools.partial(_Quiet, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield one
    for server in servers:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A headless Chromium: the system's, else Playwright's own."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="install playwright to try libraries for browsers"
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
def visit(browser, serve) -> Iterator[Callable]:
    """Opens a page of an installed package; `how` is what its library is told of sending. Nothing
    may be asked of anybody but the page's server and the collector."""
    context = browser.new_context()
    ours: list[str] = []
    elsewhere: list[str] = []

    def open_page(
        collector: Running, package: str, html: str = PAGE, how: str = "{}", more: str = ""
    ):
        folder = packages.npm(package)
        (folder / "index.html").write_text(html)
        ours.extend([serve(folder), collector.url])
        page = context.new_page()
        page.on("request", lambda request: elsewhere.append(request.url))
        page.goto(f"{ours[0]}/index.html?collector={collector.url}&how={how}{more}")
        return page

    yield open_page
    context.close()
    strangers = [each for each in elsewhere if not each.startswith(tuple(ours))]
    assert strangers == [], "something was loaded from elsewhere"


def wait_for(collector: Running, calls: int) -> list[dict]:
    """The events, when there are so many; half a minute at most."""
    deadline = time.monotonic() + 30
    while len(events := collector.events()) < calls and time.monotonic() < deadline:
        time.sleep(0.05)
    return events


def check(collector: Running, types: list[str]) -> dict[str, dict]:
    """Each type landed once, says what it was told and when, and no key. Returns the payloads."""
    events = wait_for(collector, len(types))
    assert sorted(each["type"] for each in events) == types
    payloads = {each["type"]: each["payload"] for each in events}
    assert payloads["track"]["properties"].items() >= {"n": 1.5, "list": [1, None]}.items()
    assert payloads["track"]["userId"] == "u-1"
    for each in events:
        assert "demo-app" not in str(each["payload"]), "a key is stored"
        assert "sentAt" in each["payload"], "the sender's clock is lost"
        assert each["message_id"] == each["payload"]["messageId"]
    assert collector.quarantine() == []
    assert collector.books()["landed"] == len(types)
    return payloads


ALL = ["alias", "group", "identify", "page", "screen", "track"]
BATCHING = '{"deliveryStrategy":{"strategy":"batching","config":{"size":3,"timeout":200}}}'


@pytest.mark.parametrize("how", ["{}", BATCHING])
def test_every_call_of_the_browsers_library_lands_once(visit, collector: Running, how: str):
    visit(collector, ANALYTICS_NEXT, how=how).evaluate(CALLS)
    payloads = check(collector, ALL)
    assert payloads["identify"]["traits"]["email"] == "ä@example.com"
    assert payloads["group"]["groupId"] == "acme"
    assert len({each["anonymousId"] for each in payloads.values() if "anonymousId" in each}) == 1


def test_what_a_page_says_as_it_is_left_lands(visit, collector: Running):
    how = BATCHING.replace("200", "60000").replace('"size":3', '"size":50')
    page = visit(collector, ANALYTICS_NEXT, how=how)
    page.evaluate("async () => { await analytics.track('Left') }")
    assert collector.events() == []
    page.goto("about:blank")
    (event,) = wait_for(collector, 1)
    assert event["payload"]["event"] == "Left"


def snippet(collector: Running) -> str:
    """The standard snippet of Segment's own package, with another host and nothing else changed."""
    done = subprocess.run(
        ["node", "-p", "require('@segment/snippet').min({ apiKey: 'demo-app', page: false })"],
        cwd=packages.npm(SNIPPET), capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert "https://cdn.segment.com" in done.stdout
    return done.stdout.replace("https://cdn.segment.com", collector.url)


def test_the_standard_snippet_works_after_its_host_is_changed(visit, start):
    """Also for calls that are made before the library is there, and for the part of it that reads
    what a link says."""
    library = packages.npm(ANALYTICS_NEXT) / "node_modules" / "@segment" / "analytics-next"
    collector: Running = start(COLLECTOR_ANALYTICS_JS_DIR=str(library))
    html = (
        f"<!doctype html><title>A customer's page</title><script>{snippet(collector)}</script>"
        "<script>analytics.identify('u-1', { seats: 3 });"
        "analytics.track('Report Viewed', { n: 1.5, list: [1, null] })</script>"
    )
    page = visit(collector, ANALYTICS_NEXT, html)
    payloads = check(collector, ["identify", "track"])
    assert payloads["track"]["context"]["library"]["name"] == "analytics.js"
    page.goto(page.url + "&ajs_event=Link%20Followed")
    assert "Link Followed" in {each["payload"].get("event") for each in wait_for(collector, 5)}


@pytest.mark.parametrize("how", ["{}", '{"useBeacon":true}'])
def test_rudderstacks_library_starts_and_every_call_lands_once(visit, collector: Running, how: str):
    html = RUDDERSTACK_PAGE.replace(
        "SCRIPT", "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
    ).replace("= rudderanalytics", "= new rudderanalytics.RudderAnalytics()")
    page = visit(collector, RUDDERSTACK, html, how)
    page.evaluate(CALLS.replace("await analytics.screen('App', 'Home')", ""))
    page.wait_for_function("analytics.getSessionId()")  # it has started
    page.goto("about:blank")  # when a beacon is sent
    check(collector, [each for each in ALL if each != "screen"])


def test_rudderstacks_library_of_before_starts_too(visit, collector: Running):
    html = RUDDERSTACK_PAGE.replace("SCRIPT", "rudder-sdk-js/dist/npm/index.js")
    visit(collector, RUDDERSTACK_BEFORE, html).evaluate(
        CALLS.replace("await analytics.screen('App', 'Home')", "")
    )
    check(collector, [each for each in ALL if each != "screen"])


def test_jitsus_library_lands_with_a_key_that_has_the_colon_it_wants(visit, collector: Running):
    page = visit(collector, JITSU, JITSU_PAGE)
    page.wait_for_function("window.analytics")
    page.evaluate("""async () => {
        await analytics.identify('u-1', { email: 'ä@example.com' })
        await analytics.track('Report Viewed', { n: 1.5, list: [1, null] })
        await analytics.page()
    }""")
    check(collector, ["identify", "page", "track"])
