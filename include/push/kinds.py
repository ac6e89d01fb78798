"""Which package knows a destination: Segment's or Planhat's."""

import psycopg

from include.connections import Destination, PlanhatConnection, SegmentConnection
from include.push.catalogue import PushedModel
from include.push.planning import Planning
from include.push.sending import DeliveryOptions, Sender
from include.push.to_planhat.planning import PlanhatPlanning
from include.push.to_planhat.sender import PlanhatSender
from include.push.to_segment.messages import message_timestamp
from include.push.to_segment.planning import SegmentPlanning
from include.push.to_segment.sender import SegmentSender


def planning_for(model: PushedModel) -> Planning:
    """What plans the model's table."""
    return SegmentPlanning() if model.kind == "segment" else PlanhatPlanning()


def sender_for(
    connection: psycopg.Connection,
    url: str,
    to: Destination,
    run_id: int,
    model: str,
    options: DeliveryOptions,
) -> Sender:
    """What sends the batches of a model of a planned run."""
    settings, planned_at = connection.execute(
        "select plan_settings, planned_at from sync.runs where run_id = %s", [run_id]
    ).fetchone()  # type: ignore[misc]
    if isinstance(to, PlanhatConnection):
        return PlanhatSender(url, to, settings["calls"][model], options)
    assert isinstance(to, SegmentConnection)
    numbers = frozenset(settings["numbers"].get(model, ()))
    return SegmentSender(to, numbers, message_timestamp(planned_at), options)
