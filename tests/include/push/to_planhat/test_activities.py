"""Activities: once, or not at all until a person answers."""

import pytest

from include.connections import SegmentConnection
from include.errors import ProblemError
from include.played_planhat.faults import Fault
from include.push.to_planhat.unknown import answer_unknown, unknown_objects
from tests.include.push.to_planhat.world import World, counts


@pytest.fixture
def people(world: World) -> list[dict]:
    """Two endusers of one company in Planhat."""
    return [
        world.document(
            "endusers", companyId=world.companies[0], externalId=f"u{number}",
            email=f"u{number}@acme.test",
        )
        for number in range(2)
    ]  # fmt: skip


def booked(world: World) -> dict[tuple[str, str], int]:
    """How often each enduser did each event, as Planhat has it."""
    world.played.sinks.settle()
    found: dict[tuple[str, str], int] = {}
    for each in world.played.sinks.activities:
        key = (each.enduser, each.action)
        found[key] = found.get(key, 0) + each.count
    return found


def test_of_a_day_what_came_late_is_sent_as_a_difference(world: World, people: list[dict]):
    one, two = people
    world.activity(one, 3)
    world.activity(two, 1, "Closed", weight=5)
    assert counts(world.push(), "activity")["synced"] == 2
    world.activity(one, 5)
    # another weight for what was sent is nothing to send
    world.activity(two, 1, "Closed", weight=7)
    assert counts(world.push(), "activity") == {
        "considered": 2, "changed": 1, "unchanged": 1, "synced": 1,
    }  # fmt: skip
    assert booked(world) == {(one["_id"], "Opened"): 5, (two["_id"], "Closed"): 1}
    assert {each.weight for each in world.played.sinks.activities} == {1, 5}


def test_what_became_fewer_and_what_moved_with_identity_is_listed_and_not_sent(
    world: World, people: list[dict]
):
    one, two = people
    world.activity(one, 3)
    world.activity(one, 3, "Closed")
    world.push()
    # one of the three was two's; and all of the other event, of which nothing is left
    world.activity(one, 2)
    world.activity(two, 1)
    world.run("delete from to_planhat.activity where event = 'Closed'")
    world.activity(two, 4, "Closed")
    world.activity(two, 2, "Shared")
    report = world.push()
    assert world.left_out(report) == {
        f"{one['_id']} Opened": "fewer_than_sent",
        f"{two['_id']} Opened": "moved_with_identity",
        f"{one['_id']} Closed": "fewer_than_sent",
        f"{two['_id']} Closed": "moved_with_identity",
    }
    assert counts(report, "activity") == {
        "considered": 5, "added": 1, "withheld": 4, "synced": 1,
    }  # fmt: skip
    assert booked(world) == {
        (one["_id"], "Opened"): 3, (one["_id"], "Closed"): 3, (two["_id"], "Shared"): 2,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["lost", "cut", "half", "error", "reset", "page"])
def test_a_lost_answer_is_never_followed_by_a_repeat_until_somebody_answers(
    world: World, people: list[dict], kind: str
):
    one, two = people
    world.activity(one, 3)
    world.activity(two, 4)
    world.played.faults.waiting = [Fault(kind, "POST", "analytics")]  # type: ignore[arg-type]
    arrived = kind in ("lost", "cut", "half")
    first = world.push()
    assert first.status == "failed"
    world.activity(one, 5)
    waiting = world.push()
    assert counts(waiting, "activity") == {"considered": 2, "waiting": 2}
    assert len(world.played.requests.of("POST", "analytics")) == 1
    assert [each.object_id for each in unknown_objects(world.url, world.to)] == sorted(
        f"{each['_id']} Opened" for each in people
    )

    answered = answer_unknown(
        world.url, world.to, "activity", "arrived" if arrived else "again", answered_by="Ada"
    )
    assert answered == 2
    world.push()
    assert booked(world) == {(one["_id"], "Opened"): 5, (two["_id"], "Opened"): 4}
    assert unknown_objects(world.url, world.to) == []
    assert world.run("select distinct answer, answered_by from sync.outcome_answers") == [
        ("arrived" if arrived else "again", "Ada")
    ]


def test_an_answer_for_nothing_or_of_another_word_is_refused(world: World):
    with pytest.raises(ProblemError, match=r"An answer is arrived or again, not 'perhaps'"):
        answer_unknown(world.url, world.to, "activity", "perhaps", answered_by="Ada")
    with pytest.raises(ProblemError, match="No activity has an unknown outcome"):
        answer_unknown(world.url, world.to, "activity", "again", answered_by="Ada")


def test_429_of_a_sink_is_waited_for(world: World, people: list[dict]):
    world.activity(people[0], 3)
    world.played.faults.waiting = [Fault("throttle", "POST", "analytics", times=2)]
    assert counts(world.push(), "activity")["synced"] == 1
    assert booked(world) == {(people[0]["_id"], "Opened"): 3}


def test_the_first_push_says_from_which_day_on_activities_are_sent(world: World):
    assert world.run("select since from sync.planhat_outbound where model = 'activity'") == [
        (None,)
    ]
    world.push(dry_run=True)
    assert world.run("select count(since) from sync.planhat_outbound") == [(0,)]
    world.push()
    ((is_today,),) = world.run(
        "select since = (now() at time zone 'UTC')::date from sync.planhat_outbound"
        " where model = 'activity'"
    )
    assert is_today


def test_what_goes_again_by_itself_is_nothing_to_answer(world: World, people: list[dict]):
    world.enduser(7)
    world.played.faults.waiting = [Fault("lost", "PUT", "endusers", times=99)]
    world.push()
    assert world.run("select count(*) from sync.objects where sent_version is not null") == [(0,)]
    # Segment drops what comes twice, if it comes under the id that it had
    world.run("insert into sync.destinations (destination, address) values ('s#1', 'https://s')")
    world.run(
        "insert into sync.objects (destination, model, object_id, sent_version, sent_payload)"
        " values ('s#1', 'company', 'c1', 1, '{}')"
    )
    segment = SegmentConnection("https://s", "k")
    world.run(
        "update sync.destinations set destination = %s where destination = 's#1'",
        [segment.destination],
    )
    world.run(
        "update sync.objects set destination = %s where destination = 's#1'",
        [segment.destination],
    )
    assert unknown_objects(world.url, segment) == []
    with pytest.raises(ProblemError, match="No company has an unknown outcome"):
        answer_unknown(world.url, segment, "company", "again", answered_by="Ada")
