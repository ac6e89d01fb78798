"""What the DAGs tell people, once a change of state, by the connection that is named for it."""

import json
from email.header import decode_header, make_header
from typing import Any

from tests.dags.conftest import Inside
from tests.include.push.mailbox import Mailbox, body
from tests.include.push.played_segment import OK, PlayedSegment, refuses
from tests.include.push.webhook import Webhook
from tests.include.push.world import World


def test_a_partial_push_and_its_recovery_are_told_once_each(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.fill("company", 3)

    def push(**more: str) -> Any:
        return inside.ask("run", "push_planhat_to_segment", json.dumps({}), **connections, **more)

    with Webhook() as webhook:
        named = {"AIRFLOW_CONN_PUSH_ALERTS": f"{webhook.address}/services/a"}
        segment.script = refuses("c000001")
        # Off by default.
        assert push()["state"] == "failed"
        assert webhook.heard == []
        assert push(**named)["state"] == "failed"
        assert push(**named)["state"] == "failed"
        segment.script = lambda number, batch: OK
        assert push(**named)["state"] == "success"
        assert [(path, body["before"], body["state"]) for path, _, body in webhook.heard] == [
            ("/services/a", "well", "partial"),
            ("/services/a", "partial", "well"),
        ]


def test_a_partial_push_is_told_by_e_mail(
    inside: Inside, world: World, segment: PlayedSegment, connections: dict[str, str]
) -> None:
    world.fill("company", 3)
    segment.script = refuses("c000001")
    with Mailbox() as mailbox:
        named = (
            f"smtp://127.0.0.1:{mailbox.port}/?disable_ssl=true&disable_tls=true"
            "&from_email=push%40acme.example&to=ops%40acme.example"
        )
        for _ in range(2):
            inside.ask(
                "run", "push_planhat_to_segment", "{}",
                **connections, AIRFLOW_CONN_PUSH_ALERTS=named,
            )  # fmt: skip
        ((recipients, letter),) = mailbox.letters
    assert recipients == ["ops@acme.example"]
    assert letter["From"] == "push@acme.example"
    assert str(make_header(decode_header(letter["Subject"]))) == "Push to Segment: partial"
    assert "1 object failed (2 synced, 1 error, 0 held)" in body(letter)


def test_a_build_tells_what_it_opened_and_that_no_push_came_unless_the_push_is_paused(
    inside: Inside, world: World, connections: dict[str, str]
) -> None:
    def build() -> tuple[str, list[Any]]:
        """What became of a build, and what it told: changes of pushes, objects of usage alerts."""
        with Webhook() as webhook, Webhook() as of_usage:
            made = inside.ask(
                "run", "build_usage", "{}", **connections, PUSH_CRON="* * * * *",
                AIRFLOW_CONN_PUSH_ALERTS=webhook.address,
                AIRFLOW_CONN_USAGE_ALERTS=of_usage.address,
            )  # fmt: skip
        pushes = [(told["before"], told["state"]) for _, _, told in webhook.heard]
        usage = [[each["object_id"] for each in told["alerts"]] for _, _, told in of_usage.heard]
        return made["state"], [*pushes, *usage]

    def switched_on_yesterday() -> None:
        inside.ask("switch", "push_planhat_to_segment", "on")
        world.run(
            "update sync.told_states set state = 'well', active_since = now() - interval '1 day'"
        )

    inside.ask("switch", "push_planhat_to_segment", "on")
    assert build() == ("success", []), "switched on just now: nothing was due yet"
    switched_on_yesterday()
    inside.ask("switch", "push_planhat_to_segment", "off")
    # As if that build had found it: nothing is new, so the next one makes no tables.
    world.run(
        "insert into marts.usage_alerts (object_type, object_id, kind, opened_on, activities,"
        " expected) select 'asset', 'a1', 'drop', current_date, 1, 9"
    )
    assert build() == ("success", [["a1"]])
    switched_on_yesterday()
    assert build() == ("success", [("well", "late")])
    # A build that cannot even begin tells it too.
    world.run("alter table sync.builds rename to gone")
    switched_on_yesterday()
    assert build() == ("failed", [("well", "late")])
