"""How fast Planhat is written, beside its quota, the same requests bare, and `pyplanhat`.

Each of these begins with a played Planhat that has the same companies and people. What it holds in
the end is compared with what was to be written.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from include.bench.peak import peak_mb
from include.bench.planhat_server import asked, served, turn
from include.bench.planhat_tables import NAMES, Amounts, check, fill
from include.bench.push import measure_push
from include.bench.pyplanhat import VERSION, Made, installed, make_endusers
from include.bench.rows import Row
from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.played_planhat.requests import Asked, Requests
from include.push.push import push
from include.push.sending import DeliveryOptions
from include.settings import load_settings

Say = Callable[[str], None]

# Calls a minute that Planhat allows, and the played one as well.
QUOTA = 200
# Calls of pyplanhat; at 50 ms each about the 150 a second that Planhat publishes beside its quota.
AT_ONCE = 8
# So many endusers say how fast one call after another is.
ONE_BY_ONE = 100

AMOUNTS = {
    "small": Amounts(companies=500, enduser=2_000, metric=20_000, activity=10_000),
    "full": Amounts(companies=5_000, enduser=10_000, metric=200_000, activity=100_000),
}

_THE_LIBRARY = f"pyplanhat {VERSION}"


@dataclass(frozen=True)
class Written:
    """A push of one model: calls that the quota counts, and those to the sinks."""

    objects: int
    seconds: float
    calls: int
    sink_calls: int
    peak_mb: float

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self.objects / self.seconds

    @property
    def requests(self) -> int:
        """Of both kinds."""
        return self.calls + self.sink_calls


@dataclass(frozen=True)
class _Library:
    """What `pyplanhat` made: call after call, several at once, and until the quota ended it."""

    alone: Made
    several: Made
    limited: Made
    requests_a_thousand: float


def run(
    url: str, amounts: Amounts, *, round_trip: float, pace: float, say: Say = print
) -> list[Row]:
    """Measure in the warehouse at `url`, whose tables of `to_planhat` it replaces.

    Raises `RuntimeError` when Planhat does not hold what was to be written, when it refused a call,
    or when something was written again.
    """
    say(f"planhat: writing {amounts.total:,} objects at {round_trip * 1000:.0f} ms a call")
    fill(url, amounts)
    with served(amounts.companies, round_trip) as planhat, _process() as process:
        paced = {model: write(process, url, planhat, amounts, model, pace) for model in NAMES}
        most = Requests(asked(planhat)).most_in(60)
        again_seconds = write_again(process, url, planhat, pace)
        turn(planhat, quota=None, latency=0.0)
        check(url, planhat)
        plan_seconds = min(_plan_seconds(url, planhat) for _ in range(3))
    say("planhat: the same number of objects for Segment")
    settings = load_settings({"AIRFLOW_CONN_WAREHOUSE": url})
    segment = measure_push(url, settings, objects=amounts.total, round_trip=0, workers=1)
    say("planhat: without pace and quota, and the same requests bare")
    with served(amounts.companies, round_trip) as planhat, _process() as process:
        turn(planhat, quota=None, keep_bodies=True)
        unpaced = {model: write(process, url, planhat, amounts, model, None) for model in NAMES}
        check(url, planhat)
        sent = {model: _writing(asked(planhat), model) for model in NAMES}
    with served(amounts.companies, round_trip) as planhat:
        turn(planhat, quota=None)
        bare = {model: send_bare(planhat, requests) for model, requests in sent.items()}
        check(url, planhat)
    rows = _paced_rows(paced, pace, most)
    rows += _unpaced_rows(unpaced, bare)
    say(f"planhat: {_THE_LIBRARY} with the same endusers")
    items = [item for request in sent["enduser"] for item in request.body]
    library = _measure_library(url, amounts, items, round_trip)
    if library is None:
        say(f"planhat: {_THE_LIBRARY} cannot be installed, so nothing is beside it")
    else:
        rows += _library_rows(paced["enduser"], unpaced["enduser"], library)
    rows += _requests_rows(paced, library)
    total = sum(each.seconds for each in paced.values())
    peak = max(each.peak_mb for each in [*paced.values(), *unpaced.values()])
    return [
        *rows,
        Row(
            "the same pushed again, nothing changed: 0 writes", f"{again_seconds:.1f} s",
            f"{total:.1f} s: the first time", again_seconds / total,
        ),
        Row(
            f"plan of {amounts.total:,} objects for Planhat, nothing changed",
            f"{plan_seconds:.2f} s",
            f"{segment.diff_seconds:.2f} s: a plan of as many for Segment, nothing changed",
            plan_seconds / segment.diff_seconds,
        ),
        Row(
            f"peak memory of the process that writes {amounts.total:,} objects",
            f"{peak:.0f} MB", "", None,
        ),
    ]  # fmt: skip


def write(
    process: Executor,
    url: str,
    planhat: PlanhatConnection,
    amounts: Amounts,
    model: str,
    pace: float | None,
) -> Written:
    """Push all of a model. Raises where not all of it is synced, or a call was refused."""
    before = len(asked(planhat))
    synced, seconds, peak = process.submit(_push, url, planhat, [model], pace).result()
    if synced != amounts.of(model):
        raise RuntimeError(f"{synced:,} of {amounts.of(model):,} {NAMES[model]} were written")
    requests = asked(planhat)[before:]
    if refused := [each for each in requests if each.status >= 400]:
        first = refused[0]
        raise RuntimeError(f"{len(refused):,} calls were refused: {first.status} for {first.path}")
    sinks = sum(each.is_sink for each in requests)
    return Written(synced, seconds, len(requests) - sinks, sinks, peak)


def write_again(
    process: Executor, url: str, planhat: PlanhatConnection, pace: float | None
) -> float:
    """Seconds of a push of all models once more. Raises where anything is written."""
    before = len(asked(planhat))
    synced, seconds, _ = process.submit(_push, url, planhat, list(NAMES), pace).result()
    writes = sum(each.method != "GET" for each in asked(planhat)[before:])
    if synced or writes:
        raise RuntimeError(f"{synced:,} objects were written again, by {writes:,} calls")
    return seconds


def send_bare(planhat: PlanhatConnection, requests: Sequence[Asked]) -> float:
    """Seconds of the same writing requests, one after another, by a client that does no more."""
    started = time.perf_counter()
    with httpx.Client(base_url=planhat.host, auth=(planhat.token, ""), timeout=60) as client:
        for each in requests:
            path = each.path.replace("*", planhat.sink_token)
            client.request(each.method, f"/{path}", json=each.body).raise_for_status()
    return time.perf_counter() - started


def _push(
    url: str, planhat: PlanhatConnection, models: list[str], pace: float | None
) -> tuple[int, float, float]:
    """(objects, seconds, the process's peak in MB). Raises where it is no success."""
    options = DeliveryOptions(client=ClientOptions(calls_per_second=pace))
    settings = load_settings({"AIRFLOW_CONN_WAREHOUSE": url})
    started = time.perf_counter()
    report = push(
        url, planhat, settings, models=models, requested_by="bench", say=_silent, options=options
    )
    seconds = time.perf_counter() - started
    if report.status != "success":
        raise RuntimeError(report.in_words())
    return report.total("synced"), seconds, peak_mb()


def _plan_seconds(url: str, planhat: PlanhatConnection) -> float:
    """Seconds of a plan of all models. Raises where there is anything in it."""
    options = DeliveryOptions(client=ClientOptions(calls_per_second=None))
    settings = load_settings({"AIRFLOW_CONN_WAREHOUSE": url})
    started = time.perf_counter()
    report = push(
        url, planhat, settings, dry_run=True, requested_by="bench", say=_silent, options=options
    )
    seconds = time.perf_counter() - started
    if report.total("planned") or not report.total("unchanged"):
        raise RuntimeError("something changed while nothing did")
    return seconds


def _writing(requests: Sequence[Asked], model: str) -> list[Asked]:
    """The requests that wrote a model."""
    path = {"enduser": "endusers", "metric": "dimensiondata/*", "activity": "analytics/bulk/*"}
    return [each for each in requests if each.method != "GET" and each.path == path[model]]


def _paced_rows(paced: dict[str, Written], pace: float, most: int) -> list[Row]:
    rows = []
    for model, written in paced.items():
        name, allowed = NAMES[model], written.calls / pace
        rows.append(
            Row(
                f"write of {written.objects:,} {name}, at the pace", f"{written.seconds:.1f} s",
                f"{allowed:.1f} s: its {written.calls:,} calls at the pace alone",
                written.seconds / allowed,
            )
        )  # fmt: skip
    calls = sum(each.calls for each in paced.values())
    a_minute = calls / sum(each.seconds for each in paced.values()) * 60
    rows.append(
        Row(
            f"calls a minute, {most} in the fullest", f"{a_minute:.0f}", f"{QUOTA}: the quota",
            a_minute / QUOTA,
        )
    )  # fmt: skip
    return rows


def _unpaced_rows(unpaced: dict[str, Written], bare: dict[str, float]) -> list[Row]:
    return [
        Row(
            f"write of {written.objects:,} {NAMES[model]}, without pace and quota",
            f"{written.rate:,.0f}/s",
            f"{written.objects / bare[model]:,.0f}/s: the requests that write, bare",
            written.rate * bare[model] / written.objects,
        )
        for model, written in unpaced.items()
    ]


def _requests_rows(paced: dict[str, Written], library: _Library | None) -> list[Row]:
    rows = []
    for model, written in paced.items():
        each = 1_000 / written.objects
        beside, ratio = f"{_THE_LIBRARY} writes none", None
        if model == "enduser":
            beside = ""
            if library is not None:
                beside = f"{library.requests_a_thousand:,.0f}: {_THE_LIBRARY}"
                ratio = written.requests * each / library.requests_a_thousand
        rows.append(
            Row(
                f"requests for 1,000 {NAMES[model]}",
                f"{written.requests * each:.1f}, {written.sink_calls * each:.1f} of them to sinks",
                beside, ratio,
            )
        )  # fmt: skip
    return rows


def _library_rows(paced: Written, unpaced: Written, library: _Library) -> list[Row]:
    """Endusers of ours beside those of `pyplanhat`."""
    rows = [
        Row(
            f"write of {unpaced.objects:,} endusers, without pace and quota",
            f"{unpaced.rate:,.0f}/s", f"{made.rate:,.0f}/s: {_THE_LIBRARY}, {how}",
            unpaced.rate / made.rate,
        )
        for made, how in (
            (library.several, f"{AT_ONCE} calls at once"),
            (library.alone, "one call after another"),
        )
    ]  # fmt: skip
    limited = library.limited
    if limited.is_refused:
        a_minute = paced.rate * 60
        rows.append(
            Row(
                "endusers a minute under the quota", f"{a_minute:,.0f}",
                f"{limited.endusers:,}: {_THE_LIBRARY}, which then ends with an error",
                a_minute / limited.endusers,
            )
        )  # fmt: skip
    return rows


def _measure_library(
    url: str, amounts: Amounts, items: list[dict[str, Any]], round_trip: float
) -> _Library | None:
    """`pyplanhat` with these endusers; None where it cannot be installed. Raises where Planhat does
    not hold all of them afterwards."""
    with installed() as folder, _process() as process:
        if folder is None:
            return None

        def make(items: list[dict[str, Any]], at_once: int) -> Made:
            return process.submit(make_endusers, folder, planhat, items, at_once).result()

        with served(amounts.companies, round_trip) as planhat:
            turn(planhat, quota=None)
            first, others = items[:ONE_BY_ONE], items[ONE_BY_ONE:]
            alone = make(first, 1)
            several = make(others, AT_ONCE)
            calls = len(asked(planhat))
            check(url, planhat, ["enduser"])
        with served(amounts.companies, round_trip) as planhat:
            turn(planhat, quota=QUOTA)
            limited = make(items, AT_ONCE)
    return _Library(alone, several, limited, calls / len(items) * 1_000)


def _process() -> Executor:
    """One of its own, so that its memory is nobody else's."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _silent(line: str) -> None:
    """Measurements print figures only."""
