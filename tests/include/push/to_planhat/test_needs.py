"""What a plan says a push will ask of Planhat, held against what a played one was asked."""

from collections import Counter

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.planhat.api import findings
from include.planhat.api.client import ClientOptions, calls_of_rows
from include.planhat.api.findings import Findings, ModelFindings
from include.push.to_planhat import needs, sender
from include.push.to_planhat.looking import calls_to_list
from include.push.to_planhat.needs import Needs, Tenant
from include.push.to_planhat.sender import BatchLimits
from tests.include.push.to_planhat.world import World


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each model several, so that they are counted and not guessed."""
    limits = {"enduser": 4, "metric": 7, "activity": 3}
    for call, objects in limits.items():
        monkeypatch.setitem(sender.LIMITS, call, BatchLimits(objects))


def asked(world: World) -> tuple[int, int]:
    """Calls of the main host and of the sinks since the last look."""
    requests = world.played.requests.all
    counts = Counter(each.is_sink for each in requests)
    requests.clear()
    return counts[False], counts[True]


def read_planhat(world: World) -> None:
    """What a read would have written of endusers, as far as a plan asks for it."""
    world.run("delete from raw_planhat.objects")
    for each in world.endusers():
        world.run(
            "insert into raw_planhat.objects (model, planhat_id, payload, made_by_us)"
            " values ('enduser', %s, %s, %s)",
            [each["_id"], Jsonb(each), str(each.get("externalId")).startswith("u")],
        )


def of_run(world: World, run_id: int) -> Needs:
    """What was kept with a run."""
    with psycopg.connect(world.url) as connection:
        found = needs.load(connection, run_id)
    assert found is not None
    return found


def test_a_plan_says_exactly_what_the_push_will_ask(world: World, small_batches: None):
    world.played.switches = world.played.switches.turned(caps={"endusers": 5, "customfields": 2})
    for number in range(17):  # lists of several pages, and of none
        world.document(
            "endusers", companyId=world.companies[number % 2], externalId=f"p{number}",
            email=f"p{number}@acme.test", archived=number == 3,
        )  # fmt: skip
    read_planhat(world)
    with psycopg.connect(world.url, autocommit=True) as connection:
        findings.keep(
            connection, world.to.tenant,
            Findings(models={"endusers": ModelFindings("yes", 5, 5_000, is_clamped=True)}),
        )  # fmt: skip
    for number in range(9):
        world.enduser(number, company=number % 3)
    for company in range(3):
        for day in range(1, 9):
            world.value(company, day, "SUM", f"2026-03-0{day}")
        world.value(company, 1, "LAST")
    people = [each for each in world.endusers() if not each.get("archived")]
    for person in people:
        world.activity(person, 2)

    dry = world.push(dry_run=True)
    planned = of_run(world, dry.run_id)
    asked(world)
    first = world.push()

    assert first.status == "success"
    assert asked(world) == (planned.total, sum(planned.sink_calls.values()))
    # the push itself counted the same
    assert of_run(world, first.run_id).total == planned.total
    assert planned.sink_calls == {"activity": 6, "metric": 4}
    assert planned.calls["enduser"] > 3 * 3

    # what is changed: other batches, other companies, of metrics the days between
    for number in (0, 4):
        world.enduser(number, company=number % 3, first_name="Eve")
    world.value(0, 9, "SUM", "2026-03-02")
    world.value(1, 9, "SUM", "2026-03-07")
    dry = world.push(dry_run=True)
    planned = of_run(world, dry.run_id)
    asked(world)
    assert world.push().status == "success"
    assert asked(world) == (planned.total, 1)

    # nothing: whose the tenant is, and no more
    dry = world.push(dry_run=True)
    planned = of_run(world, dry.run_id)
    asked(world)
    world.push()
    assert asked(world) == (planned.total, 0)
    assert set(planned.calls) == {"preparation", "reading metrics back"}


@pytest.mark.parametrize("delay", [0.0, 3600.0])
def test_what_waits_to_be_read_back_is_counted_before_and_after_and_so_at_most(
    world: World, delay: float
):
    world.played.switches = world.played.switches.turned(sink_delay=3600.0)
    world.value(0, 3, "LAST")
    world.push()
    world.value(1, 4, "LAST")
    if not delay:
        # what is seen before the plan is not read again after it
        world.played.switches = world.played.switches.turned(sink_delay=0.0)
        world.played.sinks.settle()
    planned = of_run(world, world.push(dry_run=True).run_id)
    asked(world)
    world.push()
    main, sinks = asked(world)
    assert sinks == 1
    assert 2 < main <= planned.total == 6


def test_a_held_plan_and_a_limit_need_as_much_as_is_sent(world: World, small_batches: None):
    for number in range(9):
        world.enduser(number, company=0)
    planned = of_run(world, world.push(dry_run=True, limit=4).run_id)
    asked(world)
    world.push(limit=4)
    assert asked(world)[0] == planned.total
    world.run("update sync.thresholds set value = 2 where threshold = 'push_guard_added_endusers'")
    planned = of_run(world, world.push(dry_run=True).run_id)
    asked(world)
    assert world.push().status == "held"
    assert asked(world)[0] == planned.total
    assert "enduser" not in planned.calls


def test_a_plan_says_calls_time_and_quota_in_words(world: World):
    world.played.switches = world.played.switches.turned(quota=200)
    world.enduser(0)
    world.value(0, 3)
    report = world.push(dry_run=True)
    table = report.table()
    assert "Needs 13 of Planhat's calls, 4 s at 3 a second" in table
    assert "(preparation 4, enduser 7, reading metrics back 2)" in table
    assert ", and 1 of its sinks, which no quota counts." in table
    assert "Quota: 1 of 200 calls a minute were used at 20" in table
    assert report.as_dict()["needs"] == report.needs.lines()


def test_a_quota_that_no_answer_tells_is_what_the_check_found_or_is_said_to_be_unknown(
    world: World,
):
    world.played.switches = world.played.switches.turned(quota=200, quota_headers="none")
    assert "Planhat's answers do not tell it" in world.push(dry_run=True).table()
    with psycopg.connect(world.url, autocommit=True) as connection:
        findings.keep(connection, world.to.tenant, Findings(quota_limit=60))
    table = world.push(dry_run=True).table()
    assert "4 s at 1 a second (preparation 4)" in table
    assert "Quota: 60 calls a minute; how many are used, it does not tell." in table


@pytest.mark.parametrize("rows", [0, 1, 2, 4, 5, 6, 9, 10, 11, 26])
@pytest.mark.parametrize(("cap", "mode"), [(5, "clamp"), (250, "refuse")])
def test_a_list_takes_as_many_calls_as_counting_it_says(
    world: World, rows: int, cap: int, mode: str
):
    world.played.switches = world.played.switches.turned(cap=mode, caps={"endusers": cap})
    for number in range(rows):
        world.document("endusers", companyId=world.companies[0], externalId=f"p{number}")
    world.enduser(0)
    world.run("update to_planhat.enduser set email = 'new@acme.test'")
    asked(world)
    world.push(models=["enduser"])
    lists = [
        each.query.get("archived")
        for each in world.played.requests.all
        if each.method == "GET" and each.path == "endusers"
    ]
    page = min(cap, 2_000)
    before, after = (
        calls_to_list(count, page, refuses=mode == "refuse") for count in (rows, rows + 1)
    )
    assert lists.count(None) == before + after
    assert lists.count("true") == 2 * calls_to_list(0, page, refuses=mode == "refuse")


def test_as_long_as_the_pace_takes():
    tenant = Tenant(custom_fields=0)
    assert Needs(tenant, {"preparation": 9}).seconds == 9 / (ClientOptions().calls_per_second or 0)
    # a quota that is smaller than our own pace
    slow = msgspec.convert({"custom_fields": 0, "limit": 60}, Tenant)
    assert Needs(slow, {"preparation": 90}).seconds == 90
    assert "1 min 30 s" in Needs(slow, {"preparation": 90}).lines()[0]
    assert [calls_of_rows(rows, 10) for rows in (0, 1, 10, 11)] == [1, 2, 2, 3]
