"""How fast Planhat is read and written, beside its quota and bare clients of the same requests.

Planhat is the played one, a process of its own on the same machine. It allows what Planhat does,
200 calls a minute, and answers after the given round trip.
"""

import json
import time
from collections.abc import Callable

import httpx

from include.bench import planhat_writing
from include.bench.peak import peak_mb
from include.bench.planhat_server import PEOPLE, asked, served, turn
from include.bench.rows import Row
from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.planhat.api.pages import LIMIT
from include.planhat.api.reading import read_api
from include.planhat.models import MODELS

Say = Callable[[str], None]

COMPANIES = {"small": 10_000, "full": 50_000}
ROUND_TRIP = 0.05
# Calls a second, as everybody who reads makes them.
PACE = ClientOptions.calls_per_second or 0.0


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`. `size` full: 250,000 objects are read, else 50,000.

    Raises `RuntimeError` when not every object was read or written once, or something was again.
    """
    rows = _read_rows(url, COMPANIES[size], say)
    return rows + planhat_writing.run(
        url, planhat_writing.AMOUNTS[size], round_trip=ROUND_TRIP, pace=PACE, say=say
    )


def _read_rows(url: str, companies: int, say: Say) -> list[Row]:
    objects = companies * (1 + PEOPLE)
    say(f"planhat: {objects:,} objects at {ROUND_TRIP * 1000:.0f} ms a call")
    with served(companies, ROUND_TRIP) as planhat:
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
    rows.append(Row(f"peak memory, {objects:,} objects", f"{peak_mb():.0f} MB", "", None))
    return rows


def measure_read(
    url: str, planhat: PlanhatConnection, *, new: int, pace: float | None
) -> tuple[float, int]:
    """Read all of it: (seconds, calls). Raises where not exactly `new` objects are written."""
    before = len(asked(planhat))
    options = ClientOptions(calls_per_second=pace)
    started = time.perf_counter()
    report = read_api(url, planhat, options=options, say=_silent)
    seconds = time.perf_counter() - started
    written = sum(each.added + each.changed + each.deleted for each in report.models)
    if written != new or report.doubtful:
        raise RuntimeError(f"{written:,} objects were written, of {new:,} that are new")
    return seconds, len(asked(planhat)) - before


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


def _silent(line: str) -> None:
    """Measurements print figures only."""
