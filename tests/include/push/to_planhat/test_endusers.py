"""Created endusers become Planhat's: once, unless somebody is there, and as they were sent."""

from pathlib import Path

import pytest
import yaml
from psycopg.types.json import Jsonb

from include.played_planhat.faults import Fault
from include.push.catalogue import FOLDERS
from include.push.guards import answer_plan
from tests.include.push.to_planhat.world import World, counts


def test_created_endusers_are_made_once_and_read_back(world: World):
    for number in range(3):
        world.enduser(number, company=number)
    world.enduser(3, external_id=None)

    report = world.push()
    assert report.status == "success"
    assert counts(report, "enduser") == {"considered": 4, "added": 4, "synced": 4}
    assert [(each.get("externalId"), each["email"]) for each in world.endusers()] == [
        ("u0", "u0@acme.test"), ("u1", "u1@acme.test"), ("u2", "u2@acme.test"),
        (None, "u3@acme.test"),
    ]  # fmt: skip
    assert world.run("select count(*), count(seen_back_at) from sync.objects") == [(4, 4)]

    world.played.requests.all.clear()
    again = world.push()
    assert counts(again, "enduser") == {"considered": 4, "unchanged": 4}
    assert [each.method for each in world.played.requests.all if each.method != "GET"] == []
    assert len(world.endusers()) == 4


def test_no_enduser_of_planhats_is_changed(world: World):
    there = world.document(
        "endusers", companyId=world.companies[0], externalId="u0", email="old@acme.test"
    )
    world.document("endusers", companyId=world.companies[0], email="U1@acme.test")
    # archived, and so in no list that does not ask for them
    world.document(
        "endusers", companyId=world.companies[0], externalId="u2", email="x@acme.test",
        archived=True,
    )  # fmt: skip
    before = {each["_id"]: dict(each) for each in world.endusers()}
    for number in range(4):
        world.enduser(number)

    report = world.push()
    assert world.errors(report) == {
        "s0": "already_there", "s1": "address_taken", "s2": "already_there",
    }  # fmt: skip
    assert counts(report, "enduser") == {"considered": 4, "added": 4, "synced": 1, "errors": 3}
    assert {each["_id"]: each for each in world.endusers() if each["_id"] in before} == before
    assert world.endusers()[0]["_id"] == there["_id"]


def test_what_we_made_is_changed_until_somebody_changes_it_there(world: World):
    world.enduser(0)
    world.enduser(1)
    world.push()
    mine, other = world.endusers()
    world.played.documents.of["endusers"].put({**other, "firstName": "By hand"})
    world.enduser(0, first_name="Eve")
    world.enduser(1, first_name="Eve")

    report = world.push()
    assert world.errors(report) == {"s1": "changed_there"}
    assert [each["firstName"] for each in world.endusers()] == ["Eve", "By hand"]
    assert world.endusers()[0]["_id"] == mine["_id"]
    (message,) = world.run("select message from sync.run_errors where object_id = 's1'")[0]
    assert message.startswith("somebody changed its firstName in Planhat since we sent it")


def test_who_is_withheld_is_listed_with_the_reason_and_is_no_error(world: World):
    world.enduser(0)
    world.enduser(1, email=None, withheld="no_address")
    world.enduser(2, withheld="shared_address")
    report = world.push()
    assert report.status == "success"
    assert counts(report, "enduser") == {
        "considered": 3, "added": 1, "withheld": 2, "synced": 1,
    }  # fmt: skip
    assert world.left_out(report) == {"s1": "no_address", "s2": "shared_address"}
    ((message, payload),) = world.run(
        "select message, payload from sync.left_out where object_id = 's2'"
    )
    assert message == "others whom we created in its company have the same address"
    assert payload["email"] == "u2@acme.test"
    assert "withheld" not in payload
    # who may go after all goes
    world.enduser(2)
    assert counts(world.push(), "enduser")["synced"] == 1


@pytest.mark.parametrize("error_item", ["object", "string", "message"])
@pytest.mark.parametrize("bulk_status", [200, 206, 400])
def test_a_row_that_planhat_refuses_says_why_and_costs_no_neighbour(
    world: World, tmp_path: Path, error_item: str, bulk_status: int
):
    # a value that the list of a custom field does not have
    world.document(
        "customfields", name="Plan", parent="EndUser", type="list", listValues=["A", "B"]
    )
    world.run("alter table to_planhat.enduser add column custom jsonb")
    world.played.switches = world.played.switches.turned(
        error_item=error_item, bulk_status=bulk_status
    )
    folder = _with_custom_fields(tmp_path)
    for number in range(9):
        world.enduser(number, custom=Jsonb({"Plan": "A"}))
    world.enduser(4, custom=Jsonb({"Plan": "C"}))
    world.enduser(6, custom=Jsonb({"plan": "A"}))

    report = world.push(folder=folder)
    assert world.errors(report) == {"s4": "not_stored", "s6": "unknown_custom_field"}
    messages = dict(world.run("select object_id, message from sync.run_errors"))
    assert messages["s4"] == "Planhat: Validation failed"
    assert messages["s6"].endswith("did you mean Plan?")
    assert len(world.endusers()) == 7
    assert world.played.requests.most_bulk_at_once == 1


def _with_custom_fields(folder: Path) -> Path:
    """The models' descriptions with a column more, as an analytics engineer adds it."""
    for file in FOLDERS["planhat"].glob("to_planhat__*.yml"):
        content = yaml.safe_load(file.read_text())
        if file.stem == "to_planhat__enduser":
            content["models"][0]["columns"].append({"name": "custom", "data_type": "jsonb"})
        (folder / file.name).write_text(yaml.safe_dump(content))
    return folder


@pytest.mark.parametrize("kind", ["lost", "cut", "half", "error", "reset", "throttle", "page"])
@pytest.mark.parametrize("keyed", [True, False])
def test_an_answer_that_is_lost_makes_nobody_twice(world: World, kind: str, keyed: bool):
    for number in range(5):
        world.enduser(number, external_id=f"u{number}" if keyed else None)
    world.played.faults.waiting = [Fault(kind, "PUT", "endusers", times=2)]  # type: ignore[arg-type]
    for _ in range(3):
        report = world.push()
    assert report.status == "success"
    assert sorted(each["email"] for each in world.endusers()) == [
        f"u{number}@acme.test" for number in range(5)
    ]
    assert world.run("select count(*) from sync.objects where sent_version is null") == [(5,)]


def test_a_token_that_may_not_write_stops_the_push_with_what_to_do(world: World):
    world.enduser(0)
    world.played.switches = world.played.switches.turned(denied_writes=frozenset({"endusers"}))
    report = world.push()
    assert report.status == "failed"
    assert report.reason == "Planhat: permission denied"
    assert world.endusers() == []


def test_more_new_endusers_than_the_guard_allows_wait_for_an_answer(world: World):
    world.run("update sync.thresholds set value = 2 where threshold = 'push_guard_added_endusers'")
    for number in range(5):
        world.enduser(number)
    held = world.push()
    assert (held.status, counts(held, "enduser")["held"]) == ("held", 5)
    assert "5 endusers would be made, more than 2" in (held.models[1].reason or "")
    answer_plan(world.url, world.to, "enduser", "safe", answered_by="Ada")
    assert counts(world.push(), "enduser")["synced"] == 2
    assert world.push().status == "held"
    answer_plan(world.url, world.to, "enduser", "all", answered_by="Ada")
    assert counts(world.push(), "enduser")["synced"] == 3


def test_whom_a_lost_upsert_has_made_before_the_token_was_revoked_is_ours(world: World):
    world.enduser(0)
    working = world.played.switches
    world.played.faults.waiting = [Fault("lost", "PUT", "endusers")]
    puts = []

    def revoke(method: str, path: str) -> None:
        puts.append(method)
        if puts.count("PUT") == 2:
            world.played.switches = working.turned(revoked=True)

    world.played.faults.meanwhile = revoke
    failed = world.push()
    assert failed.status == "failed"
    assert len(world.endusers()) == 1
    assert set(world.errors(failed).values()) == {"outcome_unknown"}

    world.played.switches, world.played.faults.meanwhile = working, None
    again = world.push()
    assert (again.status, counts(again, "enduser")["synced"]) == ("success", 1)
    assert len(world.endusers()) == 1


def test_a_guard_of_the_endusers_to_segment_is_none_of_planhat_s(world: World):
    for number in range(5):
        world.enduser(number)
    own = "insert into sync.guards (model, guard, value) values ('{}', 'added_endusers', 2)"
    world.run(own.format("enduser"))
    assert world.push().status == "success"
    for number in range(5, 10):
        world.enduser(number)
    world.run(own.format("to_planhat__enduser"))
    assert world.push().status == "held"


def test_what_was_written_and_could_not_be_looked_at_is_unknown_and_never_somebody_elses(
    world: World,
):
    for number in range(3):
        world.enduser(number)
    working = world.played.switches

    def revoke(method: str, path: str) -> None:
        if method == "GET" and world.endusers():
            world.played.switches = working.turned(revoked=True)

    world.played.faults.meanwhile = revoke
    first = world.push()
    assert set(world.errors(first).values()) == {"outcome_unknown"}
    world.played.faults.meanwhile = None
    world.played.switches = working
    assert counts(world.push(), "enduser") == {"considered": 3, "added": 3, "synced": 3}
    assert len(world.endusers()) == 3
    assert len(world.played.requests.of("PUT")) == 1


def test_a_row_without_what_it_needs_says_so_and_costs_no_neighbour(world: World):
    world.enduser(0)
    world.enduser(1, email=None)
    world.enduser(2, company_id=None, email=" ")
    world.value(0, 5)
    world.value(1, 5, metric_date=None)
    world.value(2, 5, aggregation="AVG")
    report = world.push()
    assert world.errors(report) == {
        "s1": "incomplete", "s2": "incomplete", "Company 1 2026-03-01 SUM": "incomplete",
        "Company 2 2026-03-01 AVG": "unknown_aggregation",
    }  # fmt: skip
    messages = dict(world.run("select object_id, message from sync.run_errors"))
    assert messages["s2"] == "it has no company_id"
    assert messages["Company 1 2026-03-01 SUM"] == "it has no metric_date"
    assert (counts(report, "enduser")["synced"], counts(report, "metric")["synced"]) == (1, 1)
