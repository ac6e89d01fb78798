"""*Sent to Planhat*: the page's routes over a real push to a played Planhat."""

from collections.abc import Iterator

import psycopg
import pytest

from include.connections import PlanhatConnection
from include.played_planhat.faults import Fault
from tests.include.page.world import add_active_run, add_run
from tests.include.push.to_planhat.world import World
from tests.plugins.conftest import DESTINATION, TO_PLANHAT


@pytest.fixture
def operator(airflow) -> Iterator:
    with airflow.client("operator") as client:
        yield client


def test_before_the_first_push_it_says_so_and_where_it_goes(world: World, operator):
    push = operator.get("/api/planhat/push").json()
    assert (push["is_active"], push["button"], push["last_run"]) == (True, {"enabled": True}, None)
    assert push["dag_id"] == TO_PLANHAT
    assert push["calls"] == {"activity": "activity", "enduser": "enduser", "metric": "metric"}
    assert push["goes_to"]["name"] == world.to.name
    assert push["goes_to"]["remarks"] == [
        f"Planhat has nothing of ours yet at {world.to.name}: everything will be added."
    ]
    assert operator.get("/api/planhat/receipts").json() == {"rows": []}


def test_a_push_is_shown_with_what_it_held_back_what_it_needs_and_what_was_seen(
    world: World, people: list[dict], operator
):
    world.enduser(0)
    world.enduser(1, email=None, withheld="no_address")
    world.value(0, 3)
    world.activity(people[0], 2)
    report = world.push()

    push = operator.get("/api/planhat/push").json()
    last = push["last_run"]
    assert last["run_id"] == report.run_id
    assert {each["model"]: (each["synced"], each["withheld"]) for each in last["models"]} == {
        "activity": (1, 0), "enduser": (1, 1), "metric": (1, 0),
    }  # fmt: skip
    assert last["needs"][0].startswith("Needs 13 of Planhat's calls, 4 s at 3 a second")
    assert " of 200 calls a minute were used at " in last["needs"][1]
    assert push["goes_to"]["remarks"] == []
    # the push to Segment knows nothing of it
    assert operator.get("/api/push").json()["history"] == []
    assert operator.get("/api/receipts").json() == {"rows": []}

    left_out = operator.get(f"/api/left_out/{report.run_id}?which=withheld").json()
    assert left_out["reasons"] == [{"code": "no_address", "objects": 1}]
    (row,) = left_out["rows"]
    assert (row["object_id"], row["message"]) == (
        "s1", "it has no e-mail address, and Planhat takes no enduser without one",
    )  # fmt: skip
    assert row["payload"]["external_id"] == "u1"
    assert operator.get(f"/api/left_out/{report.run_id}?which=waiting").json()["total"] == 0

    receipts = {row["model"]: row for row in operator.get("/api/planhat/receipts").json()["rows"]}
    assert {name: (row["acknowledged"], row["seen_back"]) for name, row in receipts.items()} == {
        "activity": (1, 0), "enduser": (1, 1), "metric": (1, 1),
    }  # fmt: skip


def test_a_link_leads_to_the_record_where_planhats_id_is_known(
    world: World, people: list[dict], operator
):
    world.enduser(0)
    world.value(0, 3)
    world.activity(people[0], 2)
    world.push()
    found = operator.get(
        f"/api/acknowledged?destination={world.to.destination.replace('#', '%23')}"
    )
    assert {row["model"]: row["planhat_url"] for row in found.json()["rows"]} == {
        "activity": f"https://app.example/acme/enduser?preview=EndUser.{people[0]['_id']}",
        # its id comes with the next read
        "enduser": None,
        "metric": f"https://app.example/acme/company?preview=Company.{world.companies[0]}",
    }


def test_payloads_are_for_those_who_may_edit_the_dag(world: World, airflow):
    world.enduser(1, email=None, withheld="no_address")
    report = world.push()
    with airflow.client("viewer") as viewer:
        (row,) = viewer.get(f"/api/left_out/{report.run_id}?which=withheld").json()["rows"]
    assert row["payload"] is None


def test_what_is_of_unknown_outcome_is_listed_and_answered_for_those_who_were_looked_at(
    world: World, people: list[dict], operator
):
    for person in people[:2]:
        world.activity(person, 3)
    world.played.faults.waiting = [Fault("lost", "POST", "analytics/bulk")]
    world.push()
    assert operator.get("/api/planhat/push").json()["unknown"] == {"activity": 2}
    listed = operator.get("/api/planhat/unknown?model=activity").json()
    assert listed["total"] == 2
    assert {row["planhat_url"] for row in listed["rows"]} == {
        f"https://app.example/acme/enduser?preview=EndUser.{person['_id']}" for person in people[:2]
    }
    assert listed["rows"][0]["payload"]["count"] == 3

    answer = {"model": "activity", "answer": "arrived", "looked_at": 3}
    refused = operator.post("/api/planhat/unknown", json=answer)
    assert refused.status_code == 409
    assert "of 2 objects" in refused.json()["detail"].lower()
    one = {**answer, "looked_at": 1, "object_id": listed["rows"][0]["object_id"]}
    assert operator.post("/api/planhat/unknown", json=one).json()["answered"] == 1
    again = {**answer, "answer": "again", "looked_at": 1}
    assert operator.post("/api/planhat/unknown", json=again).json()["answered"] == 1
    assert operator.post("/api/planhat/unknown", json=again).status_code == 409
    with psycopg.connect(world.url) as connection:
        said = connection.execute(
            "select answer, answered_by from sync.outcome_answers order by answer"
        ).fetchall()
    assert said == [("again", "operator"), ("arrived", "operator")]
    # it arrived all the same, and whoever said so is believed
    world.push()
    sent = world.played.requests.of("POST", "analytics/bulk")
    assert [each.rows for each in sent] == [2, 1]
    assert operator.get("/api/planhat/push").json()["unknown"] == {}


@pytest.fixture
def guarded(world: World) -> Iterator[None]:
    """One new enduser a run, and no more."""
    guard = "update sync.thresholds set value = %s where threshold = 'push_guard_added_endusers'"
    world.run(guard, [1])
    yield
    world.run(guard, [500])


@pytest.mark.usefixtures("guarded")
def test_a_held_plan_of_planhat_is_answered_here_and_not_where_segments_are(world: World, operator):
    for number in range(3):
        world.enduser(number)
    world.push()
    assert operator.get("/api/held").json() == {"plans": []}
    (plan,) = operator.get("/api/planhat/held").json()["plans"]
    answer = {"model": "enduser", "fingerprint": plan["plan_fingerprint"], "answer": "all"}
    assert operator.post("/api/held", json=answer).status_code == 409
    assert operator.post("/api/planhat/held", json=answer).status_code == 200
    world.push()
    assert len(world.endusers()) == 3


def test_pressing_triggers_its_own_dag_as_the_person(world: World, operator, airflow):
    wish = {"models": ["metric"], "dry_run": True}
    answer = operator.post("/api/planhat/push", json=wish)
    (run,) = airflow.runs(TO_PLANHAT)
    assert answer.json() == {"dag_run_id": run["dag_run_id"]}
    assert (run["conf"], run["triggering_user_name"]) == (wish, "operator")
    assert airflow.runs() == []
    # one waits there: the push to Segment is another
    assert operator.get("/api/planhat/push").json()["button"]["code"] == "queued"
    assert operator.get("/api/push").json()["button"] == {"enabled": True}
    assert operator.post("/api/planhat/push", json={"full_resync": True}).status_code == 422
    slip = operator.post("/api/planhat/push", json={"models": ["metrics"]})
    assert "did you mean metric?" in slip.json()["detail"]


def test_each_reason_why_it_cannot_be_pressed(world: World, operator, airflow):
    def code() -> str | None:
        refused = operator.post("/api/planhat/push", json={})
        button = operator.get("/api/planhat/push").json()["button"]
        assert (refused.status_code, refused.json()) == (409, {"detail": button["text"]})
        return button["code"]

    airflow.set_paused(True, TO_PLANHAT)
    assert code() == "not_active"
    assert operator.post("/api/planhat/active", json={"is_active": True}).status_code == 200
    world.push()
    with psycopg.connect(world.url, autocommit=True) as connection:
        run_id = add_active_run(connection, destination=world.to.destination)
    assert code() == "running"
    # another push is not asked to stop by the wrong button
    assert operator.post(f"/api/runs/{run_id}/cancel").status_code == 409
    assert operator.post(f"/api/planhat/runs/{run_id}/cancel").status_code == 200
    airflow.connect_planhat(
        PlanhatConnection(world.to.host, world.to.token, None, world.to.analytics_host)
    )
    assert code() == "no_connection"
    airflow.connect_planhat(None)
    assert code() == "no_connection"
    assert "no Airflow connection `planhat`" in operator.get("/api/planhat/held").json()["problem"]
    # what was sent before is told all the same
    assert operator.get("/api/planhat/push").json()["last_run"]["run_id"] == run_id
    with airflow.client("viewer") as viewer:
        button = viewer.get("/api/planhat/push").json()["button"]
    assert button["code"] == "not_allowed"


def test_a_run_of_segments_is_none_of_planhats(world: World, operator):
    with psycopg.connect(world.url, autocommit=True) as connection:
        add_run(connection, destination=DESTINATION)
    push = operator.get("/api/planhat/push").json()
    assert (push["last_run"], push["history"]) == (None, [])
