"""Alerts: one a change of state, none for the same again, told over a real webhook."""

from collections.abc import Iterator

import pytest

from include.errors import ServiceError
from include.push.alerts import Alert, post_alert, tell_change
from tests.include.push.played_segment import OK, Answer, PlayedSegment, refuses
from tests.include.push.webhook import Webhook
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
    assert alert.text == (f"Run {report.run_id}: 1 objects failed (2 synced, 1 errors, 0 held)")


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


ALERT = Alert("held", "well", "Push to Segment: held", "Run 1: 12 objects are held")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as listening:
        yield listening


def test_a_webhook_is_told_in_words_and_in_fields(webhook: Webhook) -> None:
    post_alert(f"{webhook.address}/services/a", "token", ALERT)
    assert webhook.heard == [
        (
            "/services/a",
            "Bearer token",
            {
                "text": "Push to Segment: held. Run 1: 12 objects are held",
                "state": "held",
                "before": "well",
            },
        )
    ]


def test_a_webhook_that_refuses_is_one_line_without_its_address(webhook: Webhook) -> None:
    webhook.status = 500
    with pytest.raises(ServiceError) as problem:
        post_alert(f"{webhook.address}/secret", None, ALERT)
    assert str(problem.value) == "The webhook for alerts did not take it (500)."
