"""What real libraries ask of Segment's host beside what Segment documents."""

import gzip
import json

import httpx
import pytest

from tests.include.collector.conftest import Running

TRACK = {"type": "track", "userId": "u-1", "event": "Report Viewed", "messageId": "m-1"}
BATCHES = ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"]


@pytest.mark.parametrize("path", BATCHES)
@pytest.mark.parametrize("how", ["{}", "{}/", "/{}", "/{}//"])
def test_a_batch_has_several_names_with_slashes_or_without(collector: Running, path: str, how: str):
    answer = collector.post(how.format(path), {"batch": [TRACK]})
    assert answer.json()["accepted"] == 1
    [event] = collector.events()
    assert event["payload"] == TRACK


@pytest.mark.parametrize(
    "path",
    ["/v1/track/", "/v1/t/", "/v1//track", "/dock/segment/", "/webhook/", "/api/s/track/"],
)
def test_a_slash_more_changes_nothing_about_a_call(collector: Running, path: str):
    key = "demo-token" if "dock" in path else "demo-app"
    assert collector.post(path, TRACK, key=key).json()["accepted"] == 1


@pytest.mark.parametrize(
    "path",
    ["/health/", "/metrics/", "/openapi.json/", "/v1/projects/demo-app/settings/",
     "/sourceConfig/?writeKey=demo-app", "/sourceConfig?writeKey=demo-app", "//health",
     "/analytics.js/v1/demo-app/analytics.min.js/"],
)  # fmt: skip
def test_a_slash_more_changes_nothing_about_a_question(collector: Running, path: str):
    assert collector.get(path).status_code == 200


@pytest.mark.parametrize("name", ["writeKey", "write_key"])
@pytest.mark.parametrize("batch", [True, False])
def test_the_key_in_the_body_has_two_spellings(collector: Running, name: str, batch: bool):
    body = {"batch": [TRACK], name: "demo-app"} if batch else {**TRACK, name: "demo-app"}
    path = "/v1/batch" if batch else "/v1/track"
    assert collector.post(path, body, key=None).json()["accepted"] == 1
    assert collector.post(path, {**body, name: "nobody"}, key=None).status_code == 401
    # Also in a body of which one call is no JSON.
    text = json.dumps(body).replace('"Report Viewed"', "NaN")
    assert collector.post(path, text, key=None).json()["quarantined"] != []


def test_the_key_may_stand_in_the_address_of_a_beacon(collector: Running):
    body = json.dumps({"batch": [TRACK], "sentAt": "2026-01-01T00:00:00Z"})
    beacon = {"Content-Type": "text/plain", "Origin": "https://app.example"}
    url = collector.url + "/beacon/v1/batch?writeKey="
    assert httpx.post(url + "demo-app", content=body, headers=beacon).json()["accepted"] == 1
    assert httpx.post(url + "nobody", content=body, headers=beacon).status_code == 401
    assert httpx.post(url + "&" * 2_000, content=body, headers=beacon).status_code == 401


@pytest.mark.parametrize("folder", ["/api/s", "/api/s/s2s"])
def test_jitsus_clients_land_with_their_header(collector: Running, folder: str):
    answer = httpx.post(
        f"{collector.url}{folder}/track",
        json=TRACK,
        headers={"X-Write-Key": "demo-app:any secret", "Origin": "https://app.example"},
    )
    assert answer.json()["accepted"] == 1
    refused = httpx.post(
        f"{collector.url}{folder}/track", json=TRACK, headers={"X-Write-Key": "nobody:x"}
    )
    assert refused.status_code == 401


def test_the_librarys_own_metrics_are_taken_counted_and_kept_nowhere(collector: Running):
    body = json.dumps(
        {"series": [{"type": "Counter", "metric": "analytics_js.invoke", "value": 1}]}
    )
    for sent in (body, "no JSON", ""):
        answer = collector.post("/v1/m", sent, key=None, headers={"Origin": "https://app.example"})
        assert answer.json() == {"success": True}
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert collector.post("/v1/m", "x" * 600_000, key=None).status_code == 413
    assert collector.events() == collector.quarantine() == []
    assert "collector_library_metrics_total 3" in collector.get("/metrics").text


def test_rudderstacks_library_is_told_of_a_source_that_sends_to_nobody_else(collector: Running):
    for how in ({"auth": ("demo-app", "")}, {"params": {"writeKey": "demo-app"}}):
        source = collector.get("/sourceConfig/", **how).json()["source"]
        assert source["enabled"] is True
        assert source["destinations"] == []
        assert source["config"]["statsCollection"]["errors"] == {"enabled": False}
    assert collector.get("/sourceConfig/").status_code == 401
    assert collector.get("/sourceConfig/", params={"writeKey": "demo-token"}).status_code == 401
    asked = httpx.options(
        collector.url + "/sourceConfig/?p=npm&writeKey=demo-app",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-headers"] == "authorization"
    assert asked.headers["access-control-allow-origin"] == "https://app.example"


def test_the_snippets_script_comes_with_its_key_our_address_and_its_licence(collector: Running):
    for name in ("analytics.min.js", "analytics.js", "platform/analytics.min.js"):
        answer = collector.get(f"/analytics.js/v1/demo-app/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/javascript")
        assert 'analyticsWriteKey="demo-app"' in answer.text
        assert f'"{collector.url}/analytics-next/bundles/"' in answer.text
        assert f'metrics="{collector.url.removeprefix("http://")}/v1"' in answer.text
        assert "The licence of a library  of nobody" in answer.text.split("*/")[0]
        assert "https://cdn.segment.(com|build)" in answer.text, "no address, a pattern"
    assert collector.get("/analytics.js/v1/nobody/analytics.min.js").status_code == 401
    part = collector.get("/analytics-next/bundles/queryString.bundle.0123.js")
    assert "var part=1;" in part.text
    assert "immutable" in part.headers["cache-control"]


def test_the_script_is_sent_compressed_to_whom_can_read_it(collector: Running):
    path = "/analytics.js/v1/demo-app/analytics.min.js"
    with collector.client.stream(
        "GET", collector.url + path, headers={"Accept-Encoding": "gzip"}
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    plain = collector.get(path, headers={"Accept-Encoding": "identity"})
    assert gzip.decompress(raw) == plain.content


@pytest.mark.parametrize(
    "path",
    ["/analytics-next/bundles/other.js", "/analytics-next/bundles/..%2f..%2fLICENSE.MD",
     "/analytics-next/bundles/standalone.js%00", "/analytics.js/v1/demo-app/other.js",
     "/next-integrations/integrations/x/1/x.dynamic.js.gz"],
)  # fmt: skip
def test_nothing_else_of_a_library_is_served(collector: Running, path: str):
    answer = collector.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_without_the_library_it_is_said_what_to_do(start, tmp_path):
    collector: Running = start(COLLECTOR_ANALYTICS_JS_DIR=str(tmp_path))
    for path in ("analytics.js/v1/demo-app/analytics.min.js", "analytics-next/bundles/x.js"):
        answer = collector.get("/" + path)
        assert answer.status_code == 503
        assert "make analyticsjs" in answer.json()["message"]
    scripts = tmp_path / "dist" / "umd"
    scripts.mkdir(parents=True)
    (scripts / "standalone.js").write_text("var late=1;")
    answer = collector.get("/analytics.js/v1/demo-app/analytics.min.js")
    assert "LICENSE.MD" in answer.json()["message"], "it is not given on without its licence"
    (tmp_path / "LICENSE.MD").write_text("MIT")
    assert "var late=1;" in collector.get("/analytics.js/v1/demo-app/analytics.min.js").text
