"""A played Planhat with companies, and hand-written tables of what it is to get."""

import pytest

from include.played_planhat.app import PlayedPlanhat
from include.settings import Settings
from tests.include.push.to_planhat.world import World


@pytest.fixture
def world(warehouse: str, settings: Settings, played: PlayedPlanhat, played_address: str) -> World:
    """Nothing to send yet, and no quota."""
    played.switches = played.switches.turned(quota=None, aggregation="LAST")
    world = World(warehouse, settings, played, played_address)
    played.sinks.aggregations["sum"] = "SUM"
    return world
