"""The sample through the real client: to the real collector, and to servers that misbehave."""

import gzip
import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from include.collector.sources import add_demo_sources
from include.errors import ServiceError
from include.sample.calls import Call
from include.sample.cases import Days
from include.sample.send import BATCH, send
from include.sample.traffic import calls
from tests.include.collector.conftest import running

BASE = date(2026, 3, 14)


def test_every_call_of_the_sample_is_landed_once_and_a_second_sending_adds_nothing(
    warehouse: str,
):
    add_demo_sources(warehouse)
    every = calls(BASE)
    said: list[str] = []
    with running(warehouse) as collector:
        for sent in (every, every[-2_000:]):
            report = send(
                collector.url, "demo-app", sent, tenant_token="demo-token", say=said.append
            )
            assert report.failed == ()
            assert report.planned == report.delivered == len(sent)
            landed = collector.rows("select message_id, source from raw_segment.events")
            assert len(landed) == len({call.message_id for call in every})
            assert {row["message_id"] for row in landed} == {call.message_id for call in every}
        assert {row["source"] for row in landed} == {"demo-app"}
        assert collector.quarantine() == []
        once = collector.rows(
            "select payload->>'event' as event from raw_segment.events"
            " where message_id = 'sample-case-once-1'"
        )
        assert once == [{"event": "Comment Added"}]
    assert any("calls delivered in" in line for line in said)


class Played(ThreadingHTTPServer):
    """Takes batches; `answer(batch)` gives the status of each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = lambda batch: 200
        self.taken: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Played

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        ids = [message["messageId"] for message in json.loads(body).get("batch", [])]
        status = self.server.answer(ids)
        if status == 200:
            self.server.taken += ids
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def played() -> Iterator[Played]:
    server = Played()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def tracks(count: int) -> list[Call]:
    at = Days(BASE).at(1, "09:00")
    return [
        Call("track", f"m-{number}", at, user_id="u", event="Opened") for number in range(count)
    ]


def test_more_calls_than_the_librarys_queue_holds_all_arrive(played: Played):
    report = send(played.url, "key", tracks(12_345), say=lambda line: None)
    assert report.delivered == 12_345
    assert played.taken == [f"m-{number}" for number in range(12_345)]


def test_a_refused_batch_is_counted_to_the_call_and_the_others_arrive(played: Played):
    played.answer = lambda batch: 400 if "m-300" in batch else 200
    report = send(played.url, "key", tracks(1_000), say=lambda line: None)
    assert {reason for _, reason in report.failed} == {"answered 400"}
    assert report.delivered == len(played.taken) == 1_000 - len(report.failed)
    assert {name for name, _ in report.failed} == {c.message_id for c in tracks(1_000)} - set(
        played.taken
    )
    with pytest.raises(ServiceError, match="Not every call"):
        report.raise_if_incomplete()


def test_a_batch_is_sent_again_when_the_server_stumbles(played: Played):
    answers = iter([503, 500])
    played.answer = lambda batch: next(answers, 200)
    report = send(played.url, "key", tracks(10), say=lambda line: None)
    assert (report.delivered, report.failed) == (10, ())


def test_an_unknown_write_key_fails_every_call_at_once(played: Played):
    asked: list[int] = []
    played.answer = lambda batch: asked.append(len(batch)) or 401
    report = send(played.url, "wrong", tracks(20 * BATCH), say=lambda line: None)
    assert report.delivered == 0
    assert len(report.failed) == 20 * BATCH
    assert len(asked) < 20
    assert report.failed[0][1] == "answered 401"


def test_a_call_that_the_library_refuses_is_reported_and_costs_no_other(played: Played):
    every = tracks(4)
    every[2] = Call("track", "m-nobody", every[0].at, event="E")
    every[1] = Call("track", "m-huge", every[0].at, user_id="u", event="E",
                    properties={"text": "x" * 40_000})  # fmt: skip
    report = send(played.url, "key", every, say=lambda line: None)
    assert played.taken == ["m-0", "m-3"]
    assert [name for name, _ in report.failed] == ["m-huge", "m-nobody"]
    assert report.failed[0][1] == "refused: larger than 32 KB"
    assert report.failed[1][1].startswith("refused: user_id or anonymous_id must have")


def test_a_host_where_nothing_listens_is_one_line():
    with pytest.raises(ServiceError, match="Nothing answers at http"):
        send("http://127.0.0.1:1", "key", tracks(1), say=print)
