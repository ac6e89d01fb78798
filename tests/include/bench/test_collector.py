"""The measurement of the collector measures what it says; how fast it is, is no test's business."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from include.bench import collector
from include.bench.posting import post
from include.errors import ProblemError


def quiet(line: str) -> None:
    pass


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = {
        "ROUNDS": 1, "BATCHES": 4, "SINGLES": 70, "SECONDS": 1, "MILLION": 5_000,
        "LOAD_SECONDS": 3, "LOAD_RATE": 1_000,
        "KNOWN_AFTER": 4,
    }  # fmt: skip
    for name, amount in amounts.items():
        monkeypatch.setattr(collector, name, amount)


def test_every_figure_stands_beside_another_and_nothing_stays_behind(little, warehouse: str):
    rows = collector.run(warehouse, say=quiet)
    assert [row.name for row in rows] == [
        "landing, 100-event batches, an empty table",
        "landing, 100-event batches, the same with one worker",
        "landing, one event a request",
        "latency at 30,000 events/s in batches of 100, straight after full speed",
        "latency at 30,000 events/s in batches of 100",
        "latency at 3,000 requests/s",
        "the disk alone: 16 KB and fdatasync, 300 a second",
        "landing, 100-event batches, 1 M rows",
        "batches sent again",
        "20 field rules, of which none touches a call",
        "20 field rules, of which one drops every call's address",
        "memory of the collector",
    ]
    assert all(row.ratio for row in rows if "(" in row.beside), rows
    with psycopg.connect(warehouse) as connection:
        found = connection.execute("select datname from pg_database").fetchall()
        assert (collector.DATABASE,) not in found
        assert connection.execute("select * from raw_segment.events").fetchall() == []


def test_the_large_size_lasts_and_fills_the_table(
    little, warehouse: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(collector, "GB_A_MILLION", 0.0)
    said = []
    rows = {row.name: row for row in collector.run(warehouse, size="full", say=said.append)}
    load = rows["0 minutes at 1,000 events/s: p99 of the last tenth"]
    assert load.ratio
    assert "MB after" in load.beside
    assert "load, part 1 of 3" in " ".join(said)
    assert {"landing, 100-event batches, 10 M rows", "landing, 100-event batches, 50 M rows"} < {
        *rows
    }


def test_the_disk_is_measured_by_a_flush_each_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    flushed = []
    monkeypatch.setattr(os, "fdatasync", flushed.append)
    assert len(collector.flushes(tmp_path, count=5, a_second=1_000)) == len(flushed) == 5
    assert list(tmp_path.iterdir()) == []


def test_the_large_sizes_are_refused_without_the_disk(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(collector, "GB_A_MILLION", 1e9)
    with pytest.raises(ProblemError, match="10 M rows need"):
        collector.run(warehouse, size="full", say=quiet)


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *said: object) -> None:
        pass


def test_an_answer_that_is_not_200_ends_the_measurement():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(RuntimeError, match="503"):
            post(host, "/v1/batch", "key", [b"{}"] * 3, calls_each=1, connections=2)
        server.shutdown()
