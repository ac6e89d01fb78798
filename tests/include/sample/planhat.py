"""A played Planhat for the sample."""

from collections.abc import Iterator
from contextlib import contextmanager

from include.connections import PlanhatConnection
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.place import played_connection
from include.played_planhat.serve import running


@contextmanager
def played_planhat(played: PlayedPlanhat | None = None) -> Iterator[PlanhatConnection]:
    """One that is served for so long, an empty one unless it is given."""
    with running(played or PlayedPlanhat()) as address:
        yield played_connection(address)
