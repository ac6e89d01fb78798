"""Whom calls created, before and after Planhat has them; and what we compute of people."""

import random
from typing import Any

import psycopg
import pytest

from include.page.changes import ChangeError, set_switch
from include.push import switches
from include.push.catalogue import read_catalogue
from include.push.steps import deliver_model, finish_run, open_run, plan_run
from tests.include.push.played_segment import LOST, OK, RESET, Answer, PlayedSegment
from tests.include.push.world import ENDUSER, World, of
from tests.parts import usually

CREATED = {**ENDUSER, "on_by_default": True, "before": "enduser"}
USAGE = {
    "call": "identify",
    "removed_event": "Enduser Usage Removed",
    "columns": {"trend": "text"},
    "about": "enduser",
    "changes_daily": True,
}

SEEDS = range(usually(4, 60))


@pytest.fixture
def people(world: World) -> World:
    """The three models of people."""
    world.model("enduser", ENDUSER)
    world.model("created_enduser", CREATED)
    world.model("enduser_usage", USAGE)
    return world


def bystanders(world: World, segment: PlayedSegment) -> None:
    """Somebody in each table who stays, and is sent: else a table is empty, and held."""
    for model in ("enduser", "created_enduser"):
        world.put(model, f"stays-{model}", external_id=f"stays-{model}", company_id="c9")
    world.push(segment.connection)
    world.put("enduser_usage", "stays-enduser", external_id="stays-enduser", company_id="c9")
    world.push(segment.connection)
    segment.messages.clear()


def create(world: World, number: int = 1, company: str = "c1", **values: Any) -> str:
    """Calls created somebody."""
    object_id = f"segment-{company}-{number}"
    put = {"planhat_id": None, "external_id": f"u{number}", "company_id": company, **values}
    world.put("created_enduser", object_id, **put)
    return object_id


def arrive(world: World, number: int = 1, company: str = "c1", **values: Any) -> str:
    """Planhat has somebody; whom calls created is gone."""
    object_id = f"p-{company}-{number}"
    put = {"external_id": f"u{number}", "company_id": company, **values}
    world.put("enduser", object_id, **put)
    world.drop("created_enduser", f"segment-{company}-{number}")
    return object_id


def ids(segment: PlayedSegment) -> list[str | None]:
    """The user id of each identify call, in order."""
    return [each["userId"] for each in segment.messages if each["type"] == "identify"]


def removed(segment: PlayedSegment) -> list[dict[str, Any]]:
    return [each for each in segment.messages if each["type"] == "track"]


def test_the_created_are_sent_once_somebody_says_so_or_asks_for_them(
    people: World, segment: PlayedSegment
) -> None:
    people.run("drop table planhat.created_enduser")
    people.model("created_enduser", {**CREATED, "on_by_default": False})
    create(people, email="a@b.example")
    assert "created_enduser" not in {each.model for each in people.push(segment.connection).models}
    assert ids(segment) == []
    asked = people.push(segment.connection, models=["created_enduser"], dry_run=True)
    assert of(asked, "created_enduser").added == 1

    switches.turn(people.url, "created_enduser", True, by="ann")
    people.push(segment.connection)
    [message] = segment.messages
    assert (message["userId"], message["traits"]["email"]) == ("u1", "a@b.example")
    assert message["traits"]["planhat_id"] is None

    # off again: what is there stays, and changes are not sent
    switches.turn(people.url, "created_enduser", False, by="ann")
    create(people, name="another")
    create(people, 2)
    people.push(segment.connection)
    assert len(segment.messages) == 1
    assert people.run("select model, is_active, changed_by from sync.segment_outbound") == [
        ("created_enduser", False, "ann")
    ]


def test_whom_planhat_has_by_now_goes_on_under_the_same_id_and_nobody_is_removed(
    people: World, segment: PlayedSegment
) -> None:
    bystanders(people, segment)
    created = create(people)
    people.push(segment.connection)
    people.put("enduser_usage", created, planhat_id=None, external_id="u1", company_id="c1")
    people.push(segment.connection)
    arrived = arrive(people, name="Una")
    people.drop("enduser_usage", created)
    people.put("enduser_usage", arrived, external_id="u1", company_id="c1")
    report = people.push(segment.connection)
    assert (report.total("added"), report.total("removed")) == (1, 0)
    # its usage goes with the next push, when Segment knows whom it is about
    assert of(report, "enduser_usage").withheld == 1
    report = people.push(segment.connection)
    assert (report.total("added"), report.total("removed")) == (1, 0)
    assert ids(segment) == ["u1"] * 4
    assert removed(segment) == []
    assert [each["traits"]["planhat_id"] for each in segment.messages] == [
        None, None, arrived, arrived,
    ]  # fmt: skip
    again = people.push(segment.connection)
    assert (again.total("synced"), again.total("withheld")) == (0, 0)
    assert again.total("unchanged") == 2 + 3

    # deleted in Planhat, and created once more
    people.drop("enduser", arrived)
    create(people)
    people.drop("enduser_usage", arrived)
    report = people.push(segment.connection)
    assert {each["event"] for each in removed(segment)} == {
        "Enduser Removed", "Enduser Usage Removed",
    }  # fmt: skip
    assert of(report, "created_enduser").added == 1
    assert len(segment.messages) == 7


def test_who_was_created_from_an_address_is_handed_over_by_it(
    people: World, segment: PlayedSegment
) -> None:
    bystanders(people, segment)
    create(people, external_id=None, email="a@b.example")
    create(people, 2, external_id=None, email="b@b.example")
    people.push(segment.connection)
    assert {each["anonymousId"] for each in segment.messages} == {
        "planhat-segment-c1-1", "planhat-segment-c1-2",
    }  # fmt: skip
    arrive(people, external_id=None, email="a@b.example")
    # of another company: somebody else
    arrive(people, 2, "c2", external_id=None, email="b@b.example")
    people.drop("created_enduser", "segment-c1-2")
    people.push(segment.connection)
    [gone] = removed(segment)
    assert gone["event"] == "Enduser Removed"
    assert (gone["properties"]["email"], gone["properties"]["planhat_id"]) == ("b@b.example", None)


def test_usage_of_whom_an_address_named_is_handed_over_with_them(
    people: World, segment: PlayedSegment
) -> None:
    bystanders(people, segment)
    created = create(people, external_id=None, email="a@b.example")
    people.push(segment.connection)
    usage = {"external_id": None, "company_id": "c1", "trend": "up"}
    people.put("enduser_usage", created, planhat_id=None, **usage)
    people.push(segment.connection)
    arrived = arrive(people, external_id=None, email="a@b.example")
    people.drop("enduser_usage", created)
    people.put("enduser_usage", arrived, **usage)
    people.push(segment.connection)
    people.push(segment.connection)
    assert removed(segment) == []
    assert segment.messages[-1]["anonymousId"] == f"planhat-{arrived}"


def test_who_is_handed_over_before_segment_answered_stays_who_they_are(
    people: World, segment: PlayedSegment
) -> None:
    bystanders(people, segment)
    for company in ("c1", "c2"):
        create(people, company=company)
    script, segment.script = segment.script, lambda number, batch: LOST
    people.push(segment.connection)
    segment.script = script
    segment.messages.clear()
    people.drop("created_enduser", "segment-c2-1")
    arrive(people)
    people.push(segment.connection)
    assert ids(segment) == ["planhat-c1:u1"]


def test_the_created_of_a_retired_model_are_removed_under_no_id_of_planhat_s(
    people: World, segment: PlayedSegment
) -> None:
    create(people)
    people.push(segment.connection)
    (people.folder / "created_enduser.yml").unlink()
    report = people.push(segment.connection, retire="created_enduser")
    assert report.total("removed") == 1
    [gone] = removed(segment)
    assert gone["properties"]["planhat_id"] is None


@pytest.mark.parametrize("is_on", [True, False])
def test_a_switch_that_is_turned_while_a_run_is_planned_counts_from_the_next_one_on(
    people: World, segment: PlayedSegment, is_on: bool
) -> None:
    create(people)
    switches.turn(people.url, "created_enduser", is_on, by="ann")
    run_id = open_run(
        people.url, segment.connection, trigger="command", requested_by="ann", owner="a test"
    )

    def interrupt(line: str) -> None:
        if line.startswith("company:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan_run(people.url, people.settings, run_id, say=interrupt, folder=people.folder)
    switches.turn(people.url, "created_enduser", not is_on, by="ann")
    silent: dict[str, Any] = {"say": lambda line: None}
    for part in plan_run(people.url, people.settings, run_id, folder=people.folder, **silent):
        deliver_model(people.url, segment.connection, run_id, **part, **silent)
    report = finish_run(people.url, run_id, **silent)
    assert (report.status, len(segment.messages)) == ("success", int(is_on))
    # the next one does as was said
    people.push(segment.connection)
    create(people, 2)
    people.push(segment.connection)
    assert len(segment.messages) == (1 if is_on else 2)


def test_who_is_created_no_more_is_removed_under_no_id_of_planhat_s(
    people: World, segment: PlayedSegment
) -> None:
    bystanders(people, segment)
    people.drop("created_enduser", create(people))
    create(people)
    people.push(segment.connection)
    people.drop("created_enduser", "segment-c1-1")
    report = people.push(segment.connection)
    assert of(report, "created_enduser").removed == 1
    [gone] = removed(segment)
    keys = {key: value for key, value in gone["properties"].items() if value is not None}
    assert keys == {"external_id": "u1", "company_id": "c1"}
    assert people.push(segment.connection).total("synced") == 0


@pytest.mark.parametrize("first", ["together", "created", "planhat"])
def test_two_people_of_one_external_id_are_two(
    people: World, segment: PlayedSegment, first: str
) -> None:
    if first != "planhat":
        create(people)
    if first == "created":
        people.push(segment.connection)
    arrive(people, company="c2")
    if first == "planhat":
        people.push(segment.connection)
        create(people)
    people.push(segment.connection)
    other = "planhat-c1:u1" if first == "planhat" else "planhat-c2:u1"
    assert sorted(map(str, ids(segment))) == sorted(["u1", other])
    # the created one arrives, and still is who it was
    arrive(people, company="c1")
    people.push(segment.connection)
    assert ids(segment)[-1] == ("planhat-c1:u1" if first == "planhat" else "u1")
    assert removed(segment) == []


@pytest.mark.parametrize("models", [None, ["enduser"], ["created_enduser"]])
def test_who_moved_away_keeps_the_id_when_calls_create_another_in_the_old_company(
    people: World, segment: PlayedSegment, models: list[str] | None
) -> None:
    arrive(people)
    people.push(segment.connection)
    people.put("enduser", "p-c1-1", external_id="u1", company_id="c2", name="moved")
    create(people, name="new")
    # whichever goes first
    people.push(segment.connection, models=models)
    people.push(segment.connection)
    told = {
        (each["traits"]["name"], each["userId"])
        for each in segment.messages
        if each["traits"]["name"]
    }
    assert told == {("moved", "u1"), ("new", "planhat-c1:u1")}
    assert people.push(segment.connection).total("synced") == 0


@pytest.mark.parametrize("model", ["created_enduser", "enduser_usage"])
def test_without_the_endusers_themselves_nobody_is_planned_and_it_says_so(
    people: World, segment: PlayedSegment, model: str
) -> None:
    people.run("drop table planhat.enduser")
    create(people)
    report = people.push(segment.connection, models=[model])
    assert (report.status, of(report, model).reason) == (
        "failed",
        "not planned: planhat.enduser is not there. `make build` makes it",
    )


def test_usage_waits_until_segment_knows_whom_it_is_about(
    people: World, segment: PlayedSegment
) -> None:
    arrive(people, 1)
    arrive(people, 2, external_id=None)
    created = create(people, 3)
    for object_id in ("p-c1-1", "p-c1-2", created):
        people.put("enduser_usage", object_id, trend="up", company_id="c1")
    plan = people.push(segment.connection, dry_run=True)
    assert of(plan, "enduser_usage").withheld == 3
    report = people.push(segment.connection)
    assert (report.status, of(report, "enduser_usage").withheld) == ("success", 3)
    assert people.run("select distinct code, message from sync.left_out") == [
        (
            "not_sent_yet",
            "Segment does not know whom it is about: enduser or created_enduser goes first, and "
            "this with the push after",
        )
    ]
    people.push(segment.connection)
    told = {
        (each["userId"], each["anonymousId"])
        for each in segment.messages
        if "trend" in each["traits"]
    }
    known = {
        (each["userId"], each["anonymousId"])
        for each in segment.messages
        if "name" in each["traits"]
    }
    assert told == known
    assert ("u1", None) in told
    assert (None, "planhat-p-c1-2") in told
    assert people.push(segment.connection).total("synced") == 0


def test_what_changes_daily_is_not_held_for_changing_and_says_what_it_costs(
    people: World, segment: PlayedSegment
) -> None:
    for number in range(200):
        arrive(people, number)
        people.put("enduser_usage", f"p-c1-{number}", trend="up", company_id="c1")
    people.push(segment.connection)
    people.push(segment.connection)
    for model, column in (("enduser", "name"), ("enduser_usage", "trend")):
        people.run(f"update planhat.{model} set {column} = 'down'")
    plan = people.push(segment.connection, dry_run=True)
    (remark,) = [each for each in plan.remarks if "changes daily" in each]
    assert remark.startswith(
        "enduser_usage changes daily: at most 6,000 calls a month, if each of 200 objects changes "
        "every day; 200 in the last 30 days, it goes since "
    )
    report = people.push(segment.connection)
    assert of(report, "enduser").held == 200
    assert (of(report, "enduser_usage").held, of(report, "enduser_usage").synced) == (0, 200)
    # unless somebody wants it so
    people.run("insert into sync.guards (model, guard, value) values "
               "('enduser_usage', 'changed_share', 0.5)")  # fmt: skip
    people.run("update planhat.enduser_usage set trend = 'flat'")
    assert of(people.push(segment.connection), "enduser_usage").held == 200


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_a_person_is_one_and_nobody_who_is_there_is_removed(
    people: World, segment: PlayedSegment, seed: int
) -> None:
    """People are created, arrive in Planhat, leave; now and then a post is lost or refused."""
    chance = random.Random(seed)
    people.run("update sync.thresholds set value = 1000 where threshold like 'push_guard_removed%'")
    script = segment.script
    for _ in range(7):
        live(people, chance)
        answers = [chance.choice([OK, OK, LOST, RESET, Answer(400, takes=False)]) for _ in range(4)]
        segment.script = lambda number, batch, answers=answers: answers[number % len(answers)]
        already = len(segment.messages)
        people.push(segment.connection)
        there = who_is_there(people)
        for message in segment.messages[already:]:
            if message.get("event") == "Enduser Removed":
                keys = message["properties"]
                is_there = (keys["company_id"], keys["external_id"]) in there
                # who left Planhat is said so, also where calls create the person anew
                assert not is_there or keys["planhat_id"] is not None, keys
    segment.script = script
    people.push(segment.connection)
    people.push(segment.connection)
    assert people.push(segment.connection).total("synced") == 0
    check_who_they_are(people, segment)


def live(people: World, chance: random.Random) -> None:
    """A day in the life of eight people of two companies."""
    for company in ("c1", "c2"):
        for number in range(4):
            name = chance.choice("abc")
            arrived = f"p-{company}-{number}"
            what = chance.choice(["create", "create", "arrive", "arrive", "leave", "vanish"])
            if what == "arrive":
                arrive(people, number, company, name=name)
            elif what == "leave":
                people.drop("enduser", arrived)
            elif what == "vanish":
                people.drop("created_enduser", f"segment-{company}-{number}")
            elif not people.run("select 1 from planhat.enduser where object_id = %s", [arrived]):
                create(people, number, company, name=name)
    people.run("delete from planhat.enduser_usage")
    for table in ("enduser", "created_enduser"):
        people.run(
            "insert into planhat.enduser_usage "
            "(object_id, planhat_id, company_id, external_id, trend) "
            f"select object_id, planhat_id, company_id, external_id, %s from planhat.{table}",
            [chance.choice("xy")],
        )


def who_is_there(people: World) -> set[tuple]:
    """Company and external id of each."""
    return set(
        people.run(
            "select company_id, external_id from planhat.enduser union "
            "select company_id, external_id from planhat.created_enduser"
        )
    )


def check_who_they_are(people: World, segment: PlayedSegment) -> None:
    """Each is one of its own in Segment, as the tables say."""
    known_as: dict[tuple, str | None] = {}
    latest: dict[tuple, dict[str, Any]] = {}
    for message in segment.messages:
        if message["type"] == "identify":
            traits = message["traits"]
            person = (traits["company_id"], traits["external_id"])
            # a trend says nothing of who somebody is
            known_as.setdefault(person, message["userId"])
            if "name" in traits:
                known_as[person] = message["userId"]
            latest[person] = {**latest.get(person, {}), **traits}
    now = [known_as[person] for person in who_is_there(people)]
    assert len(set(now)) == len(now), known_as
    for table in ("enduser", "created_enduser"):
        for company, external, name, planhat_id in people.run(
            f"select company_id, external_id, name, planhat_id from planhat.{table}"
        ):
            said = latest[company, external]
            assert (said["name"], said["planhat_id"]) == (name, planhat_id)


def test_the_project_s_models_can_be_switched(warehouse: str) -> None:
    switches.turn(warehouse, "enduser_usage", True, by="ann")
    switches.turn(warehouse, "task", False, by="ann")
    with pytest.raises(ChangeError, match="task"):
        set_switch(warehouse, "push_tusk", False, by="ann")
    with psycopg.connect(warehouse) as connection:
        found = switches.active(connection, read_catalogue())
        turned = switches.state(connection, found)
    assert "task" not in found
    assert {"enduser_usage", "company_usage"} <= set(found)
    assert {name: each["is_on"] for name, each in turned.items()} == {"push_enduser_usage": True}
