"""Faults under load: at the end each call that was answered 200 is in the table exactly once."""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from include.settings import Settings
from include.warehouse import embedded
from tests.include.collector.conftest import Running, running

# How long Postgres is stopped; a shorter outage is a quicker test of the same.
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "30"))


class Load:
    """Clients that send batches of new calls, and each batch again if no answer came."""

    def __init__(self, urls: list[str], *, send_twice: bool = False, pause: float = 0.0):
        self.urls = urls
        self._pause = pause
        self.answered: set[str] = set()
        self.statuses: set[int] = set()
        self._stop = threading.Event()
        self._is_twice = send_twice
        self._threads = [threading.Thread(target=self._send, args=[n]) for n in range(4)]

    def _send(self, thread: int) -> None:
        with httpx.Client(auth=("demo-app", ""), timeout=30) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                ids = [f"{thread}-{number}-{n}" for n in range(20)]
                calls = [{"type": "track", "event": "E", "messageId": each} for each in ids]
                body = json.dumps({"batch": calls})
                time.sleep(self._pause)
                for url in self.urls if self._is_twice else random.sample(self.urls, 1):
                    if self._post(client, url, body):
                        self.answered.update(ids)

    def _post(self, client: httpx.Client, url: str, body: str) -> bool:
        try:
            answer = client.post(url + "/v1/batch", content=body)
        except httpx.TransportError:
            time.sleep(0.05)
            return False
        self.statuses.add(answer.status_code)
        return answer.status_code == 200

    @contextmanager
    def sending(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def check(load: Load, collector: Running) -> None:
    """Every answered call once, nothing twice, and books that balance."""
    collector.wait_until_drained()
    assert load.answered, "no call was answered: the test proves nothing"
    stored = [
        each["message_id"] for each in collector.rows("select message_id from raw_segment.events")
    ]
    assert len(stored) == len(set(stored))
    assert load.answered - set(stored) == set()
    assert load.statuses <= {200, 503}
    assert collector.books()["landed"] == len(stored)


def backends(settings: Settings) -> list[int]:
    data = Path(settings.data_dir / "postgres").resolve() / "data"
    return [int((data / "postmaster.pid").read_text().split()[0])]


def test_kill_9_of_the_collector_loses_nothing_that_was_answered(start):
    moments = random.Random(1)
    collector: Running = start()
    load = Load([collector.url])
    port = collector.url.rsplit(":", 1)[1]
    with load.sending():
        for _ in range(3):
            time.sleep(moments.uniform(0.3, 0.8))
            collector.stop(signal.SIGKILL)
            collector = start("--port", port)
        time.sleep(0.3)
    check(load, collector)


def test_kill_9_of_postgres_loses_nothing_that_was_answered(own_server: Settings):
    moments = random.Random(2)
    with running(embedded.server_url(own_server, "warehouse")) as collector:
        load = Load([collector.url])
        with load.sending():
            for _ in range(2):
                time.sleep(moments.uniform(0.5, 1.0))
                for pid in backends(own_server):
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.5)
                _restart(own_server)
            time.sleep(0.5)
        check(load, collector)


def test_kill_9_of_both_loses_nothing_that_was_answered(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        load = Load([collector.url])
        with load.sending():
            time.sleep(0.5)
            embedded.stop(own_server)
            time.sleep(0.7)  # into the spool
            collector.stop(signal.SIGKILL)
        assert collector.spooled()
    _restart(own_server)
    with running(url) as collector:
        check(load, collector)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_two_collectors_and_every_batch_sent_twice(start, workers: str):
    first = start("--workers", workers)
    second = start("--workers", workers)
    load = Load([first.url, second.url], send_twice=True)
    with load.sending():
        time.sleep(2)
    check(load, first)
    assert load.statuses == {200}
    books = first.books()
    assert books["duplicates"] == books["landed"]


def test_a_warehouse_that_is_away_for_half_a_minute(own_server: Settings):
    with running(embedded.server_url(own_server, "warehouse"), "--workers", "2") as collector:
        load = Load([collector.url], pause=0.1)
        with load.sending():
            time.sleep(0.5)
            embedded.stop(own_server)
            time.sleep(OUTAGE_SECONDS)
            assert collector.spooled()
            _restart(own_server)
            time.sleep(0.5)
        check(load, collector)
        assert load.statuses == {200}


def _restart(settings: Settings) -> None:
    """Start Postgres again; after a kill its last processes may still be leaving."""
    for _ in range(20):
        try:
            embedded.start(settings)
            return
        except Exception:
            time.sleep(0.5)
    embedded.start(settings)
