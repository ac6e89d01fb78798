"""What the played Planhat does to careless clients, and what it remembers of them."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from include.played_planhat.faults import KINDS, Fault
from include.settings import ROOT
from tests.include.planhat.world import ident
from tests.include.played_planhat.test_documents_over_http import put, turn
from tests.include.running import environment

LOST = (httpx.RemoteProtocolError, httpx.ReadError)


def test_calls_beyond_the_quota_are_429_until_the_window_ends(api, played):
    turn(played, quota=2, quota_seconds=0.2)
    statuses = [api.get("/users").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    while api.get("/users").status_code == 429:
        pass
    assert played.requests.all[-1].at - played.requests.all[0].at >= 0.2


@pytest.mark.parametrize("spelling", ["new", "old", "none"])
def test_the_quota_is_told_in_either_spelling_or_not_at_all(api, played, spelling):
    turn(played, quota=2, quota_headers=spelling)
    told = {name for name in api.get("/users").headers if "rate" in name}
    names = {
        "new": {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"},
        "old": {"x-rate-limit-limit", "x-rate-limit-remaining"},
        "none": set(),
    }
    assert told == names[spelling]


def test_retry_after_is_told_with_a_429_alone_and_only_where_it_is_switched_on(api, played):
    turn(played, quota=1, retry_after=True)
    assert "retry-after" not in api.get("/users").headers
    assert 0 < float(api.get("/users").headers["retry-after"]) <= 60
    turn(played, quota=1)
    assert "retry-after" not in api.get("/users").headers


def test_a_burst_of_429_and_errors_pass_and_have_done_nothing(api, played):
    played.faults.waiting += [Fault("throttle", times=2), Fault("error"), Fault("page")]
    got = [put(api, "companies", {"name": "Acme"}) for _ in range(5)]
    assert [each.status_code for each in got] == [429, 429, 500, 502, 200]
    assert "html" in got[3].text
    assert len(played.documents.of["companies"].by_id) == 1


def test_an_answer_that_is_lost_or_cut_has_been_done(api, played):
    for kind in ("lost", "cut", "half"):
        played.faults.waiting.append(Fault(kind, method="POST"))
    for _ in range(2):
        with pytest.raises(LOST):
            api.post("/companies", json={"name": "Acme"})
    assert api.post("/companies", json={"name": "Acme"}).status_code == 500
    assert len(played.documents.of["companies"].by_id) == 3
    assert [each.status for each in played.requests.all] == [0, 200, 500]


def test_a_connection_that_is_reset_or_hangs_has_done_nothing(api, played):
    played.faults.waiting += [Fault("reset"), Fault("hang", seconds=0.01)]
    for _ in range(2):
        with pytest.raises(LOST):
            api.post("/companies", json={"name": "Acme"})
    assert played.documents.of["companies"].by_id == {}


def test_a_200_can_be_no_list(api, played):
    played.faults.waiting.append(Fault("object", after=1))
    assert api.get("/users").json() == []
    assert api.get("/users").json() == {"data": []}


def test_a_fault_is_for_the_requests_that_fit_it(api, played):
    played.faults.waiting.append(Fault("error", method="GET", path="companies", after=1))
    asked = ["users", "companies", "companies", "companies"]
    assert [api.get(f"/{path}").status_code for path in asked] == [200, 200, 500, 200]
    with pytest.raises(ValueError, match="no such fault"):
        Fault("trottle")  # type: ignore[arg-type]
    assert len(KINDS) == 9


def test_somebody_else_may_change_things_between_two_pages(api, played):
    rows = [{"_id": ident(n), "name": "C"} for n in range(1, 5)]
    played.documents.load("companies", rows)
    first = api.get("/companies?limit=2&sort=_id").json()
    played.faults.meanwhile = lambda method, path: played.documents.of["companies"].remove(
        first[0]["_id"]
    )
    second = api.get("/companies?limit=2&offset=2&sort=_id").json()
    assert [int(row["_id"], 16) for row in (*first, *second)] == [1, 2, 4]


def test_errors_are_json_or_text_or_nothing(api, played):
    for shape, text in (("json", '{"message": "Not found"}'), ("text", "Not found"), ("empty", "")):
        turn(played, error_body=shape)
        assert api.get("/nothing").text == text


def test_every_request_is_kept_without_the_token(api, played):
    put(api, "companies", {"name": "Acme"}, {"name": "Beta"})
    api.post(f"/analytics/bulk/{played.tenant_token}", json=[])
    bulk, sink = played.requests.all
    assert (bulk.method, bulk.path, bulk.rows, bulk.status) == ("PUT", "companies", 2, 200)
    assert bulk.body[1] == {"name": "Beta"}
    assert sink.path == "analytics/bulk/*"
    kept = str(played.requests.all)
    assert played.token not in kept
    assert played.tenant_token not in kept


def test_bulk_calls_side_by_side_are_noticed(api, played):
    turn(played, latency=0.05)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: put(api, "companies", {"name": str(n)}), range(4)))
    assert played.requests.most_bulk_at_once > 1


def test_it_is_turned_from_outside_and_refuses_what_it_does_not_know(api, played):
    assert api.get("/played").json()["played"] == "a played Planhat, not Planhat"
    assert api.put("/played/switches", json={"quota": 7}).status_code == 200
    assert played.switches.quota == 7
    for wrong in ({"quotta": 7}, {"quota": "many"}, {"cap": "perhaps"}):
        assert api.put("/played/switches", json=wrong).status_code == 400
    assert api.post("/played/faults", json={"kind": "error"}).status_code == 200
    assert api.get("/users").status_code == 500
    rows = [{"_id": ident(1), "name": "One"}]
    assert api.put("/played/documents/contracts", json=rows).json() == {"loaded": 1}
    assert [row["_id"] for row in api.get("/contracts").json()] == [ident(1)]
    assert api.get("/played/documents/contracts").json()[0]["name"] == "One"
    assert len(api.get("/played/requests").json()) == 2
    assert api.get("/played/else").status_code == 404


def test_as_a_process_it_keeps_its_documents_from_one_start_to_the_next(tmp_path):
    def start() -> tuple[subprocess.Popen, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "include.played_planhat", "--port", "0"], cwd=ROOT,
            env=environment(DATA_DIR=str(tmp_path)), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = process.stdout.readline()
        assert line.startswith("a played Planhat, not Planhat")
        return process, line.split()[-1]

    for names in (["Acme"], ["Acme", "Beta"]):
        process, address = start()
        with httpx.Client(base_url=address, auth=("played-token", "")) as api:
            put(api, "companies", {"name": names[-1]})
            assert [row["name"] for row in api.get("/companies").json()] == names
        process.terminate()
        assert process.wait(10) in (0, -15)
