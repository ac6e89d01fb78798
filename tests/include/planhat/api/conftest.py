"""A client of the played Planhat that waits for nothing longer than it must."""

from collections.abc import Iterator

import pytest

from include.connections import PlanhatConnection
from include.planhat.api.client import Client, ClientOptions
from include.played_planhat.app import PlayedPlanhat
from tests.include.planhat.api.world import World

# As patient as the default, a thousand times faster.
QUICK = ClientOptions(
    calls_per_second=None, timeout=0.5, attempts=4, throttled_wait=0.015,
    longest_throttled_wait=0.12, failed_wait=0.002, longest_failed_wait=0.1,
)  # fmt: skip


@pytest.fixture
def connection(played: PlayedPlanhat, played_address: str) -> PlanhatConnection:
    """The tenant of the played Planhat, whose sinks are on the same host."""
    return PlanhatConnection(played_address, played.token, played.tenant_token, played_address)


@pytest.fixture
def client(connection: PlanhatConnection, warehouse: str) -> Iterator[Client]:
    """A client that waits for milliseconds."""
    with Client(connection, warehouse, QUICK) as client:
        yield client


@pytest.fixture
def world(connection: PlanhatConnection, warehouse: str, played: PlayedPlanhat) -> World:
    """An empty Planhat without a quota, and a warehouse that has read nothing."""
    played.switches = played.switches.turned(quota=None)
    return World(warehouse, connection, played, QUICK)
