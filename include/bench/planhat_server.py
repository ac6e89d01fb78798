"""The played Planhat of a measurement: a process of its own, with companies and their people."""

import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import httpx

from include.connections import PlanhatConnection
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.documents import Documents
from include.played_planhat.place import played_connection
from include.played_planhat.requests import Asked
from include.played_planhat.serve import listen, server_for
from include.played_planhat.switches import Switches

# A company's people.
PEOPLE = 4


@contextlib.contextmanager
def served(companies: int, round_trip: float) -> Iterator[PlanhatConnection]:
    """A played Planhat with so many companies, which answers after so many seconds."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=_serve, args=(theirs, companies, round_trip), daemon=True)
    process.start()
    try:
        yield played_connection(f"http://127.0.0.1:{ours.recv()}")
    finally:
        process.terminate()
        process.join()


def turn(planhat: PlanhatConnection, **switches: Any) -> None:
    """Turn switches of the played Planhat."""
    httpx.put(f"{planhat.host}/played/switches", json=switches, timeout=60).raise_for_status()


def asked(planhat: PlanhatConnection) -> list[Asked]:
    """Every request so far."""
    answer = httpx.get(f"{planhat.host}/played/requests", timeout=60)
    return [Asked(**each) for each in answer.json()]


def held(planhat: PlanhatConnection, path: str) -> list[dict[str, Any]]:
    """All that it holds of a path, when the sinks have applied what they took."""
    httpx.post(f"{planhat.host}/played/settle", timeout=600).raise_for_status()
    return httpx.get(f"{planhat.host}/played/documents/{path}", timeout=60).json()


def load(documents: Documents, companies: int) -> None:
    """Put so many companies there, and their people."""
    documents.load("companies", map(_company, range(1, companies + 1)))
    people = range(companies + 1, companies * (1 + PEOPLE) + 1)
    documents.load("endusers", (_enduser(number, companies) for number in people))


def _serve(pipe: Connection, companies: int, round_trip: float) -> None:
    played = PlayedPlanhat(Switches(latency=round_trip, keep_bodies=False))
    load(played.documents, companies)
    with listen("127.0.0.1", 0) as listener:
        pipe.send(listener.getsockname()[1])
        server_for(played).run(sockets=[listener])


def _company(number: int) -> dict[str, Any]:
    return {
        "_id": f"{number:024x}", "name": f"Company {number}", "externalId": f"ext-{number}",
        "owner": f"{number % 7:024x}", "phase": f"Phase {number % 5}", "status": "customer",
        "domains": [f"company-{number}.example"], "h": number % 10, "mrr": number * 1.25,
        "customerFrom": "2024-01-01T00:00:00.000Z", "tags": ["enterprise", "emea"],
        "custom": {"Tier": "gold", "Seats bought": number},
    }  # fmt: skip


def _enduser(number: int, companies: int) -> dict[str, Any]:
    return {
        "_id": f"{number:024x}", "companyId": f"{1 + number % companies:024x}",
        "companyName": f"Company {1 + number % companies}", "externalId": f"user-{number}",
        "email": f"user-{number}@example.com", "firstName": "Ada", "lastName": f"Number {number}",
        "name": f"Ada Number {number}", "position": "COO", "tags": ["key user"],
        "custom": {"Sign-up date": "2025-02-03T00:00:00.000Z"},
    }  # fmt: skip
