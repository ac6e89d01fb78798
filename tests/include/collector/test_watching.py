"""What operators see: metrics of all workers together, and logs that tell no secret."""

import json
import re
import time
from pathlib import Path

import psutil

from include.collector.logs import _AsJson
from include.settings import ROOT, Settings
from include.warehouse import embedded
from tests.include.collector.conftest import Running, running


def metrics(collector: Running) -> dict[str, float]:
    answer = collector.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    # Prometheus's form: a name, labels, one number
    assert all(
        re.fullmatch(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+', each) for each in lines
    )
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_everything_that_is_answered_is_counted(start):
    collector = start()
    good = {"type": "track", "event": "E", "messageId": "m-1"}
    collector.post("/v1/batch", {"batch": [good, good, {"type": "track"}]})
    collector.post("/v1/batch", b"nothing")
    found = metrics(collector)
    assert found['collector_received_total{source="demo-app"}'] == 3
    assert found['collector_accepted_total{source="demo-app"}'] == 1
    assert found['collector_duplicates_total{source="demo-app"}'] == 1
    assert found['collector_quarantined_total{source="demo-app",reason="missing_event"}'] == 1
    assert found['collector_requests_total{status="200"}'] >= 1
    assert found['collector_requests_total{status="400"}'] == 1
    assert found["collector_request_calls_count"] == 1
    assert found["collector_commit_seconds_count"] == 1


DOC = (ROOT / "docs" / "collector.md").read_text()


def test_the_metrics_of_the_docs_are_those_that_are_there(start):
    shown = re.findall(r"^# TYPE (\S+) (\w+)$", start().get("/metrics").text, re.MULTILINE)
    assert len(shown) > 8
    assert set(re.findall(r"`(collector_\w+)", DOC)) == {name for name, _ in shown}
    # A histogram is called one.
    rows = [line for line in DOC.splitlines() if line.startswith("| `collector_")]
    called = {name for row in rows if "histogram" in row for name in re.findall(r"`(\w+)`", row)}
    assert called == {name for name, kind in shown if kind == "histogram"}


def test_the_queries_of_the_docs_run_and_show_the_latest_first(collector: Running):
    for event in ("", " "):
        collector.post("/v1/track", {"messageId": f"is{event}", "event": event})
    queries = re.findall(r"`(select [^`]+)`", DOC)
    assert any("raw_segment.quarantine" in query for query in queries)
    for query in queries:
        found = collector.rows(query.replace("%", "%%"))
        if "raw_segment.quarantine" in query:
            assert [json.loads(each["payload"])["messageId"] for each in found] == ["is ", "is"]


def test_the_figures_are_those_of_all_workers(start):
    collector = start("--workers", "3")
    for n in range(30):
        collector.client.close()
        collector.client = type(collector.client)(timeout=30)  # a connection sticks to a worker
        call = {"type": "track", "event": "E", "messageId": f"m-{n}"}
        assert collector.post("/v1/track", call).status_code == 200
    deadline = time.monotonic() + 20  # a worker writes its figures down each second
    while metrics(collector)['collector_received_total{source="demo-app"}'] < 30:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert metrics(collector)['collector_accepted_total{source="demo-app"}'] == 30


def test_the_spool_is_shown_as_it_is_on_disk_whoever_wrote_it(own_server: Settings):
    with running(embedded.server_url(own_server, "warehouse"), "--workers", "2") as collector:
        embedded.stop(own_server)
        while len({path.stem.partition("-")[2] for path in collector.spooled()}) < 2:
            collector.client.close()
            collector.client = type(collector.client)(timeout=30)  # a connection sticks to a worker
            assert collector.post("/v1/track", {"event": "E"}).status_code == 200

        def check() -> None:
            on_disk = sum(path.stat().st_size for path in collector.spooled())
            assert collector.get("/health").json()["spool"]["bytes"] == on_disk > 0
            assert metrics(collector)["collector_spool_bytes"] == on_disk

        check()
        # What a worker that is gone said last counts no more: another has its part of the spool.
        worker = psutil.Process(collector.process.pid).children()[-1]
        worker.kill()
        psutil.wait_procs([worker])
        collector.client.close()
        collector.client = type(collector.client)(timeout=30)
        check()
        embedded.start(own_server)
        collector.wait_until_drained()


def test_the_log_is_json_without_keys_and_without_what_calls_contain(own_server: Settings):
    with running(embedded.server_url(own_server, "warehouse")) as collector:
        private = {"type": "identify", "userId": "u", "traits": {"email": "ann@private.example"}}
        collector.post("/v1/track", {**private, "event": "E", "writeKey": "demo-app"}, key=None)
        collector.post("/v1/track", b'{"email":"ann@private.example", NaN}')
        collector.post("/v1/track", private, key="a-guessed-key")
        embedded.stop(own_server)
        collector.post("/v1/track", {**private, "event": "E"})
        embedded.start(own_server)
        collector.wait_until_drained()
        collector.stop()
        assert collector.process.stdout
        output = collector.process.stdout.read()
    lines = [json.loads(line) for line in output.splitlines()]
    assert any("the warehouse is away" in line["message"] for line in lines)
    assert any("the warehouse is back" in line["message"] for line in lines)
    password = embedded.server_url(own_server, "warehouse").split(":")[2].split("@")[0]
    for secret in ("ann@private", "demo-app", "a-guessed-key", password):
        assert secret not in output


def test_a_fault_is_logged_by_kind_and_place_and_not_by_its_text():
    import logging
    import sys

    try:
        raise ValueError("ann@private.example")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    line = json.loads(_AsJson().format(record))
    assert (line["error"], line["where"].split(":")[0]) == ("ValueError", Path(__file__).name)
    assert "ann@private" not in json.dumps(line)
