"""Alerts: one a change of state, none for the same again; and one when no push comes."""

from datetime import UTC, datetime, timedelta

import pytest

from include.errors import ServiceError
from include.push.alerts import Alert, tell_change, tell_late
from include.push.steps import open_run
from tests.include.push.played_segment import OK, Answer, PlayedSegment, refuses
from tests.include.push.world import World


def told(world: World, segment: PlayedSegment, run_id: int | None) -> list[Alert]:
    heard: list[Alert] = []
    tell_change(world.url, segment.connection, run_id, heard.append)
    return heard


def test_each_change_of_state_is_told_once(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 40)

    def after_a_push() -> list[tuple[str, str]]:
        report = world.push(segment.connection)
        heard = told(world, segment, report.run_id)
        # A task that runs again tells nothing again.
        assert told(world, segment, report.run_id) == []
        return [(each.before, each.state) for each in heard]

    segment.script = refuses("c000001")
    assert after_a_push() == [("well", "partial")]
    assert after_a_push() == []
    segment.script = lambda number, batch: Answer(401, takes=False)
    assert after_a_push() == [("partial", "failed")]
    segment.script = lambda number, batch: OK
    assert after_a_push() == [("failed", "well")]
    assert after_a_push() == []
    world.run("delete from planhat.company where object_id <= 'c000012'")
    assert after_a_push() == [("well", "held")]
    assert after_a_push() == []


def test_an_alert_says_what_became_of_the_run(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 3)
    segment.script = refuses("c000001")
    report = world.push(segment.connection)
    (alert,) = told(world, segment, report.run_id)
    assert alert.subject == "Push to Segment: partial"
    assert alert.text == (f"Run {report.run_id}: 1 object failed (2 synced, 1 error, 0 held)")


def test_a_push_that_came_to_no_run_has_failed(world: World, segment: PlayedSegment) -> None:
    (alert,) = told(world, segment, None)
    assert (alert.state, alert.text) == (
        "failed", "No push was made: the logs of Build and Plan say why.",
    )  # fmt: skip
    assert told(world, segment, None) == []


def test_few_errors_are_no_news_where_the_threshold_says_so(
    world: World, segment: PlayedSegment
) -> None:
    world.run("update sync.thresholds set value = 2 where threshold = 'push_alert_errors'")
    world.fill("company", 3)
    segment.script = refuses("c000001")
    assert told(world, segment, world.push(segment.connection).run_id) == []
    world.put("company", "c000001", name="A")
    world.put("company", "c000002", name="B")
    segment.script = refuses("c000001", "c000002")
    assert len(told(world, segment, world.push(segment.connection).run_id)) == 1


def test_plans_alone_are_no_news(world: World, segment: PlayedSegment) -> None:
    assert told(world, segment, None)
    report = world.push(segment.connection, dry_run=True)
    assert told(world, segment, report.run_id) == []


def test_a_change_that_could_not_be_told_is_told_the_next_time(
    world: World, segment: PlayedSegment
) -> None:
    def fail(alert: Alert) -> None:
        raise ServiceError("nobody there")

    with pytest.raises(ServiceError):
        tell_change(world.url, segment.connection, None, fail)
    assert len(told(world, segment, None)) == 1


# No push for longer than the schedule allows. Day 1 is far ahead of the runs of these tests, which
# are moved to where a test needs them.

DAY = datetime(2031, 3, 10, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    """A time of day 1; 24 and more is the day after."""
    return DAY + timedelta(hours=hour, minutes=minute)


def late(
    world: World, segment: PlayedSegment, now: datetime, *, is_active: bool = True
) -> list[tuple[str, str]]:
    """The changes told at `now`, with the default schedule: 06:00, 12:00, 18:00."""
    heard: list[Alert] = []
    tell_late(
        world.url, segment.connection, "0 6,12,18 * * *", "UTC",
        is_active=is_active, tell=heard.append, now=now,
    )  # fmt: skip
    return [(each.before, each.state) for each in heard]


def push_at(world: World, segment: PlayedSegment, moment: datetime) -> int:
    """A push of one more company that started at `moment` and took a minute."""
    world.put("company", f"at {moment}", name="A")
    run_id = world.push(segment.connection).run_id
    world.run(
        "update sync.runs set started_at = %s, finished_at = %s where run_id = %s",
        [moment, moment + timedelta(minutes=1), run_id],
    )
    return run_id


def test_a_push_that_does_not_come_is_told_once_and_once_that_one_came(
    world: World, segment: PlayedSegment
) -> None:
    push_at(world, segment, at(6))
    assert late(world, segment, at(6, 15)) == []
    assert late(world, segment, at(11, 59)) == []
    assert late(world, segment, at(12, 59)) == [], "an hour late is not yet news"
    assert late(world, segment, at(13)) == [("well", "late")]
    assert late(world, segment, at(13, 15)) == []
    assert late(world, segment, at(19, 15)) == [], "the next one that is missing is the same news"
    push_at(world, segment, at(20))
    assert late(world, segment, at(20, 15)) == [("late", "well")]
    assert late(world, segment, at(20, 30)) == []
    assert late(world, segment, at(24 + 7)) == [("well", "late")]


def test_a_late_push_is_told_with_when_it_was_due_and_where_to_look(
    world: World, segment: PlayedSegment
) -> None:
    heard: list[Alert] = []
    push_at(world, segment, at(6))
    late(world, segment, at(6, 15))
    tell_late(
        world.url, segment.connection, "30 13 * * *", "Europe/Berlin",
        is_active=True, tell=heard.append, now=at(14),
    )  # fmt: skip
    (alert,) = heard
    assert alert.subject == "Push to Segment: late"
    assert alert.text.startswith(
        "A push was due at 2031-03-10 12:30 UTC and none has begun; the last was at "
        "2031-03-10 06:01 UTC."
    )


def test_a_paused_dag_misses_nothing_and_owes_nothing_when_it_is_switched_on(
    world: World, segment: PlayedSegment
) -> None:
    assert late(world, segment, at(5), is_active=False) == []
    assert late(world, segment, at(19), is_active=False) == []
    # Switched on in the evening, although there never was a push.
    assert late(world, segment, at(20)) == []
    assert late(world, segment, at(24 + 6, 59)) == []
    assert late(world, segment, at(24 + 7)) == [("well", "late")]


def test_a_push_at_work_is_not_missing_however_long_it_takes(
    world: World, segment: PlayedSegment
) -> None:
    assert late(world, segment, at(5)) == []
    run_id = open_run(
        world.url, segment.connection, trigger="api", requested_by="ada", owner="manual__1"
    )
    assert late(world, segment, at(13)) == []
    # Its owner died: nobody is at work.
    world.run(
        "update sync.runs set lease_until = now() - interval '1 hour' where run_id = %s", [run_id]
    )
    assert late(world, segment, at(13, 15)) == [("well", "late")]


def test_a_push_that_began_early_and_ended_after_its_time_counts(
    world: World, segment: PlayedSegment
) -> None:
    late(world, segment, at(5))
    push_at(world, segment, at(11, 59))
    world.run("update sync.runs set finished_at = %s", [at(12, 30)])
    assert late(world, segment, at(13, 15)) == []


def test_plans_alone_and_reservations_are_no_push(world: World, segment: PlayedSegment) -> None:
    late(world, segment, at(5))
    world.push(segment.connection, dry_run=True)
    world.run("update sync.runs set started_at = %s, finished_at = %s", [at(12), at(12)])
    assert late(world, segment, at(13)) == [("well", "late")]


def test_where_pushes_are_known_to_fail_none_coming_is_no_news(
    world: World, segment: PlayedSegment
) -> None:
    late(world, segment, at(5))
    assert told(world, segment, None)[0].state == "failed"
    assert late(world, segment, at(13)) == []
    run_id = push_at(world, segment, at(14))
    assert [each.state for each in told(world, segment, run_id)] == ["well"]
    assert late(world, segment, at(19)) == [("well", "late")]


def test_a_threshold_of_zero_switches_it_off(world: World, segment: PlayedSegment) -> None:
    late(world, segment, at(5))
    world.run("update sync.thresholds set value = 0 where threshold = 'push_alert_late'")
    assert late(world, segment, at(19)) == []


def test_a_late_push_that_could_not_be_told_is_told_the_next_time(
    world: World, segment: PlayedSegment
) -> None:
    def fail(alert: Alert) -> None:
        raise ServiceError("nobody there")

    late(world, segment, at(5))
    with pytest.raises(ServiceError):
        tell_late(
            world.url, segment.connection, "0 6 * * *", "UTC",
            is_active=True, tell=fail, now=at(8),
        )  # fmt: skip
    assert late(world, segment, at(8, 15)) == [("well", "late")]
