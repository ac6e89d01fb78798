"""The rate limit and the pauses that the other side asks for, shared by all who send there."""

import threading

from include.warehouse.pace import Pace


def reserved(*paces: Pace) -> list[float]:
    return [pace._reserve(100) for pace in paces]


def test_two_processes_share_one_limit(warehouse: str) -> None:
    # One event a second: each hundred events wait for the hundred before, whoever sends them.
    with Pace(warehouse, "there", 1) as one, Pace(warehouse, "there", 1) as two:
        waits = [round(wait, -1) for wait in reserved(one, two, one, two)]
    assert waits == [0, 100, 200, 300]


def test_destinations_do_not_wait_for_each_other(warehouse: str) -> None:
    with Pace(warehouse, "here", 1) as one, Pace(warehouse, "there", 1) as two:
        assert [round(wait, -1) for wait in reserved(one, two)] == [0, 0]


def test_a_pause_that_one_was_asked_for_holds_for_all(warehouse: str) -> None:
    with Pace(warehouse, "there", 1000) as one, Pace(warehouse, "there", 1000) as two:
        one.pause(500)
        assert two._reserve(1) > 400


def test_a_stopped_sender_does_not_wait(warehouse: str) -> None:
    stopped = threading.Event()
    stopped.set()
    with Pace(warehouse, "there", 1) as pace:
        pace.pause(3600)
        pace.wait_for(1000, stopped)
