"""How fast Planhat is read, beside its quota and a bare client of the same pages.

Planhat is the played one, a process of its own on the same machine. It allows what Planhat does,
200 calls a minute, and answers after the given round trip.
"""

import contextlib
import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import httpx

from include.bench.rows import Row
from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.planhat.api.pages import LIMIT
from include.planhat.api.reading import read_api
from include.planhat.models import MODELS
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.place import played_connection
from include.played_planhat.serve import listen, server_for
from include.played_planhat.switches import Switches

Say = Callable[[str], None]

# A company's people.
PEOPLE = 4
COMPANIES = {"small": 10_000, "full": 50_000}
ROUND_TRIP = 0.05
# Calls a second, as everybody who reads makes them.
PACE = ClientOptions.calls_per_second or 0.0


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`. `size` full: 250,000 objects, else 50,000.

    Raises `RuntimeError` when not every object was read once, or something was written again.
    """
    companies = COMPANIES[size]
    objects = companies * (1 + PEOPLE)
    say(f"planhat: {objects:,} objects at {ROUND_TRIP * 1000:.0f} ms a call")
    with served(companies) as planhat:
        rows = []
        for what in ("all new", "nothing changed"):
            new = objects if what == "all new" else 0
            seconds, calls = measure_read(url, planhat, new=new, pace=PACE)
            allowed = calls / PACE
            rows.append(
                Row(
                    f"read of {objects:,} objects through Planhat's API, {what}",
                    f"{seconds:.1f} s", f"{allowed:.1f} s: its {calls} calls at the pace alone",
                    seconds / allowed,
                )
            )  # fmt: skip
            a_minute = calls / seconds * 60
            if what == "all new":
                rows.append(
                    Row("calls a minute", f"{a_minute:.0f}", "200: the quota", a_minute / 200)
                )
        turn(planhat, quota=None, latency=0.0)
        say("planhat: without pace and quota, and a bare client")
        unpaced, _ = measure_read(url, planhat, new=0, pace=None)
        bare = measure_bare_client(planhat, objects)
    rows.append(
        Row(
            f"the same without pace and quota, nothing changed, {objects:,} objects",
            f"{objects / unpaced:,.0f}/s",
            f"{objects / bare:,.0f}/s: the pages asked for and parsed",
            bare / unpaced,
        )
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(Row(f"peak memory, {objects:,} objects", f"{peak_mb:.0f} MB", "", None))
    return rows


def measure_read(
    url: str, planhat: PlanhatConnection, *, new: int, pace: float | None
) -> tuple[float, int]:
    """Read all of it: (seconds, calls). Raises where not exactly `new` objects are written."""
    before = _calls(planhat)
    options = ClientOptions(calls_per_second=pace)
    started = time.perf_counter()
    report = read_api(url, planhat, options=options, say=_silent)
    seconds = time.perf_counter() - started
    written = sum(each.added + each.changed + each.deleted for each in report.models)
    if written != new or report.doubtful:
        raise RuntimeError(f"{written:,} objects were written, of {new:,} that are new")
    return seconds, _calls(planhat) - before


def measure_bare_client(planhat: PlanhatConnection, objects: int) -> float:
    """Seconds in which every page is asked for and parsed, and nothing is kept."""
    count = 0
    started = time.perf_counter()
    with httpx.Client(base_url=planhat.host, auth=(planhat.token, ""), timeout=60) as client:
        for model in MODELS:
            at = 0
            params: dict[str, str | int] = {"sort": "_id", "limit": LIMIT}
            while page := json.loads(
                client.get(f"/{model.path}", params={**params, "offset": at}).content
            ):
                at += len(page)
            count += at
    seconds = time.perf_counter() - started
    if count != objects:
        raise RuntimeError(f"{count:,} of {objects:,} were read")
    return seconds


@contextlib.contextmanager
def served(companies: int) -> Iterator[PlanhatConnection]:
    """A played Planhat with so many companies in a process of its own."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=_serve, args=(theirs, companies, ROUND_TRIP), daemon=True)
    process.start()
    try:
        yield played_connection(f"http://127.0.0.1:{ours.recv()}")
    finally:
        process.terminate()
        process.join()


def turn(planhat: PlanhatConnection, **switches: Any) -> None:
    """Turn switches of the played Planhat."""
    httpx.put(f"{planhat.host}/played/switches", json=switches).raise_for_status()


def _calls(planhat: PlanhatConnection) -> int:
    return len(httpx.get(f"{planhat.host}/played/requests", timeout=60).json())


def _serve(pipe: Connection, companies: int, round_trip: float) -> None:
    played = PlayedPlanhat(Switches(latency=round_trip, keep_bodies=False))
    played.documents.load("companies", map(_company, range(1, companies + 1)))
    people = range(companies + 1, companies * (1 + PEOPLE) + 1)
    played.documents.load("endusers", (_enduser(number, companies) for number in people))
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


def _silent(line: str) -> None:
    """Measurements print figures only."""
