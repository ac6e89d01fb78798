"""A push run as a DAG tells a change of state once, to the connection that is named for it."""

import json
from typing import Any

from tests.dags.conftest import Inside
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
