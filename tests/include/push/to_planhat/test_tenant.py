"""A tenant that refuses, is away, is somebody else's, or is written to by two at once."""

import threading
from dataclasses import replace

import pytest

from include.errors import BusyError, ProblemError, SettingError
from include.played_planhat.faults import Fault
from include.push.report import Report
from include.push.to_planhat.marker import PREFIX
from tests.include.push.to_planhat.world import World, counts, quick


def marks(world: World) -> list[str]:
    """Custom fields of ours."""
    fields = world.played.documents.of["customfields"].by_id.values()
    return [each["name"] for each in fields if each["name"].startswith(PREFIX)]


def test_the_first_push_marks_the_tenant_and_another_environment_is_refused(world: World):
    world.enduser(0)
    world.push(dry_run=True)
    assert marks(world) == []
    world.push()
    world.push()
    ((ours,),) = world.run("select environment from sync.environment")
    assert marks(world) == [PREFIX + ours]

    world.settings = replace(world.settings, segment_environment="staging")
    world.enduser(1)
    with pytest.raises(ProblemError, match=f"Another environment of ours, {ours}, writes to"):
        world.push()
    with pytest.raises(ProblemError, match="Another environment of ours"):
        world.push(dry_run=True)
    assert len(world.endusers()) == 1


def test_a_connection_without_a_tenants_token_says_what_to_add(world: World):
    world.to = replace(world.to, tenant_token=None)
    with pytest.raises(SettingError, match=r"has no tenant token.*\?tenant_token="):
        world.push()


def test_a_resync_or_a_removal_is_refused(world: World):
    with pytest.raises(ProblemError, match="Planhat takes no full resync"):
        world.push(full=True)


def test_what_is_switched_off_is_sent_when_it_is_named_alone(world: World):
    world.run("update sync.planhat_outbound set is_active = false where model = 'enduser'")
    world.enduser(0)
    assert [each.model for each in world.push().models] == ["activity", "metric"]
    assert counts(world.push(models=["enduser"]), "enduser")["synced"] == 1


def test_two_pushes_at_once_are_one_and_one_that_is_refused(world: World):
    for number in range(30):
        world.enduser(number)
    world.played.switches = world.played.switches.turned(latency=0.05)
    done: list[Report | BusyError] = []

    def push() -> None:
        try:
            done.append(world.push())
        except BusyError as busy:
            done.append(busy)

    threads = [threading.Thread(target=push) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(type(each).__name__ for each in done) == ["BusyError", "Report"]
    assert len(world.endusers()) == 30
    assert world.played.requests.most_bulk_at_once == 1


def test_a_token_that_is_revoked_in_the_middle_loses_nothing(world: World):
    for number in range(4):
        world.enduser(number)
    revoked = world.played.switches.turned(revoked=True)
    working = world.played.switches

    def revoke(method: str, path: str) -> None:
        if (method, path) == ("PUT", "endusers"):
            world.played.switches = revoked

    world.played.faults.meanwhile = revoke
    first = world.push()
    assert (first.status, len(world.endusers())) == ("failed", 0)
    assert "does not know the token" in (first.reason or "")
    assert world.to.token not in first.table()
    world.played.faults.meanwhile = None
    world.played.switches = working
    assert counts(world.push(), "enduser")["synced"] == 4


def test_while_planhat_is_away_a_push_says_so_and_the_next_one_goes_on(world: World):
    world.enduser(0)
    world.value(0, 5)
    world.played.faults.waiting = [Fault("reset", times=100)]
    with pytest.raises(ProblemError, match="does not answer for customfields"):
        world.push(options=quick(attempts=2))
    ((status, remarks),) = world.run("select status, remarks from sync.runs")
    assert status == "failed"
    assert "does not answer for customfields" in remarks[0]
    world.played.faults.waiting = []
    report = world.push()
    assert (report.status, report.total("synced")) == ("success", 2)


def test_a_company_that_planhat_does_not_know_costs_no_neighbour(world: World):
    world.played.switches = world.played.switches.turned(unknown_company="missing")
    world.enduser(0)
    world.companies[1] = "f" * 24
    world.enduser(1, company=1)
    report = world.push()
    assert world.errors(report) == {"s1": "not_stored"}
    assert [each["externalId"] for each in world.endusers()] == ["u0"]


@pytest.mark.parametrize("sorts", [True, False])
def test_a_long_list_is_looked_through_to_its_end(world: World, sorts: bool):
    world.played.switches = world.played.switches.turned(caps={"endusers": 7}, sorts=sorts)
    for number in range(20):
        world.document(
            "endusers", companyId=world.companies[0], externalId=f"p{number}",
            email=f"p{number}@acme.test",
        )  # fmt: skip
    world.enduser(0, external_id="p13")
    world.enduser(1)
    report = world.push(options=quick(attempts=2))
    if sorts:
        assert world.errors(report) == {"s0": "already_there"}
        assert len(world.endusers()) == 21
    else:  # nobody can say who is there: nobody is made
        assert report.status == "failed"
        assert len(world.endusers()) == 20


def test_the_plans_of_the_two_destinations_are_kept_beside_each_other(world: World):
    world.enduser(0, withheld="no_address")
    report = world.push()
    world.run(
        "insert into sync.runs (destination, trigger, requested_by, status, finished_at)"
        " values ('segment', 'command', 'a test', 'success', now())"
    )
    world.run(
        "insert into sync.left_out (run_id, model, object_id, code, message, is_waiting)"
        " select max(run_id), 'company', 'c1', 'x', 'x', false from sync.runs"
    )
    assert world.left_out(world.push()) == {"s0": "no_address"}
    assert world.left_out(report) == {}
    assert world.run("select object_id from sync.left_out where code = 'x'") == [("c1",)]
