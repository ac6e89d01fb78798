"""What a plan depends on besides the tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanSettings:
    """What a plan depends on besides the tables."""

    run_id: int
    destination: str
    environment: str
    service_id: str
    # at most so many objects of each model are sent
    limit: int | None = None
    # a new resync generation, unless one was interrupted
    full: bool = False
    requested_by: str = ""
    # nothing is written but the plan itself
    dry: bool = False
