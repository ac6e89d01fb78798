"""Several workers have a parent; without it they leave the port to whoever comes next."""

import signal
import time

import httpx


def test_workers_whose_parent_was_killed_leave_the_port(start):
    collector = start("--workers", "2")
    assert collector.get("/health").status_code == 200
    collector.stop(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(collector.url + "/health", timeout=5)
        except httpx.TransportError:
            return
        time.sleep(0.2)
    raise AssertionError("workers still answer without their parent")
