"""The measurement of Planhat measures what it says; how fast it is, is no test's business."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from include.bench import planhat, planhat_writing, pyplanhat
from include.bench.planhat_server import load
from include.bench.planhat_tables import Amounts, check, fill
from include.bench.planhat_writing import send_bare, write
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.place import played_connection

LITTLE = Amounts(companies=30, enduser=47, metric=203, activity=151)


@pytest.fixture
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planhat, "COMPANIES", {"small": 30})
    monkeypatch.setattr(planhat, "ROUND_TRIP", 0.001)
    # all of it is a minute's worth of calls at most, and those are some 60
    monkeypatch.setattr(planhat, "PACE", 1_000.0)
    monkeypatch.setattr(planhat_writing, "AMOUNTS", {"small": LITTLE})
    monkeypatch.setattr(planhat_writing, "ONE_BY_ONE", 5)
    monkeypatch.setattr(planhat_writing, "QUOTA", 20)


@pytest.mark.usefixtures("_little")
def test_planhat_is_read_and_written_beside_its_quota_and_bare_clients(warehouse: str) -> None:
    said: list[str] = []
    rows = planhat.run(warehouse, say=said.append)
    if any("cannot be installed" in line for line in said):
        pytest.skip(f"pip could not install pyplanhat {pyplanhat.VERSION}")
    assert [(row.name, row.beside.rpartition(": ")[2]) for row in rows] == [
        ("read of 150 objects through Planhat's API, all new", "its 24 calls at the pace alone"),
        ("calls a minute", "the quota"),
        (
            "read of 150 objects through Planhat's API, nothing changed",
            "its 24 calls at the pace alone",
        ),
        (
            "the same without pace and quota, nothing changed, 150 objects",
            "the pages asked for and parsed",
        ),
        ("peak memory, 150 objects", ""),
        ("write of 47 endusers, at the pace", "its 13 calls at the pace alone"),
        ("write of 203 metrics, at the pace", "its 10 calls at the pace alone"),
        ("write of 151 activities, at the pace", "its 2 calls at the pace alone"),
        ("calls a minute, 25 in the fullest", "the quota"),
        ("write of 47 endusers, without pace and quota", "the requests that write, bare"),
        ("write of 203 metrics, without pace and quota", "the requests that write, bare"),
        ("write of 151 activities, without pace and quota", "the requests that write, bare"),
        (
            "write of 47 endusers, without pace and quota",
            "pyplanhat 0.2.1, 8 calls at once",
        ),
        (
            "write of 47 endusers, without pace and quota",
            "pyplanhat 0.2.1, one call after another",
        ),
        ("endusers a minute under the quota", "pyplanhat 0.2.1, which then ends with an error"),
        ("requests for 1,000 endusers", "pyplanhat 0.2.1"),
        ("requests for 1,000 metrics", "pyplanhat 0.2.1 writes none"),
        ("requests for 1,000 activities", "pyplanhat 0.2.1 writes none"),
        ("the same pushed again, nothing changed: 0 writes", "the first time"),
        (
            "plan of 401 objects for Planhat, nothing changed",
            "a plan of as many for Segment, nothing changed",
        ),
        ("peak memory of the process that writes 401 objects", ""),
    ]
    beside = {row.name: row.beside for row in rows}
    assert beside["requests for 1,000 endusers"] == "1,000: pyplanhat 0.2.1"
    assert beside["endusers a minute under the quota"].startswith("20: ")
    assert all(row.ratio is not None for row in rows if row.beside and "none" not in row.beside)


def test_what_planhat_lost_or_got_twice_fails_the_measurement(
    warehouse: str, played: PlayedPlanhat, played_address: str
) -> None:
    planhat = played_connection(played_address)
    load(played.documents, LITTLE.companies)
    fill(warehouse, LITTLE)
    with ThreadPoolExecutor(1) as process:
        written = {
            model: write(process, warehouse, planhat, LITTLE, model, None)
            for model in ("enduser", "activity")
        }
        assert [each.objects for each in written.values()] == [47, 151]
        check(warehouse, planhat, written)

        # every 70th is lost, two of 203
        played.switches = played.switches.turned(sink_drops=70)
        assert write(process, warehouse, planhat, LITTLE, "metric", None).objects == 203
    with pytest.raises(RuntimeError, match=r"metrics: of 203 Planhat holds 20[01] as they"):
        check(warehouse, planhat)

    played.switches = played.switches.turned(sink_drops=None)
    send_bare(planhat, played.requests.of("POST", "analytics/bulk"))
    with pytest.raises(RuntimeError, match="activities: of 120 Planhat holds 0 as they"):
        check(warehouse, planhat, ["activity"])

    gone = next(iter(played.documents.of["endusers"].with_external("new-7")))
    played.documents.of["endusers"].remove(gone["_id"])
    with pytest.raises(RuntimeError, match="endusers: of 47 Planhat holds 46 as they"):
        check(warehouse, planhat, ["enduser"])
