"""What a plan for Segment has beside the comparison of its tables with the ledger."""

import psycopg
from psycopg import sql

from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings
from include.push.planning import Planning
from include.push.to_segment import former_groups, preflight, removals, warehouse_names
from include.push.to_segment.identity import identity as _identity


class SegmentPlanning(Planning):
    """User ids, removals, warnings. What Segment must not get is invalid: nothing is left out."""

    def identity(self, model: PushedModel, plan: PlanSettings) -> sql.Composable:
        """The ids by which Segment knows an object."""
        return _identity(model, plan)

    def mark_invalid(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """What Segment would drop."""
        preflight.mark_invalid(connection, model, plan.destination, remember=not plan.dry)

    def find_removals(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """What is gone, and the groups that are left, into `removal`."""
        former_groups.find(connection, model, plan)
        removals.find(connection, model, plan)

    def store_removals(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings,
        generation: int,
    ) -> None:  # fmt: skip
        """An event each."""
        removals.store(connection, model, plan, generation)

    def conclude(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings,
        generation: int,
    ) -> None:  # fmt: skip
        """Warn of names that a warehouse cannot tell apart; keep the groups that were left."""
        warehouse_names.keep_warnings(connection, model, plan)
        if not plan.dry:
            former_groups.remember(connection, model, plan, generation)
        connection.execute("drop table former, returned")
