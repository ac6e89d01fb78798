"""What a plan asks of a destination's kind, and what it gets where the kind has nothing to say."""

import psycopg
from psycopg import sql

from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings


class Planning:
    """Within the transaction of `include.push.plan.plan_model`, in this order."""

    def leave_out(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """Move what is not to be sent now from `candidate` to `left_out`, with its reason."""

    def identity(self, model: PushedModel, plan: PlanSettings) -> sql.Composable:
        """`user_id`, `anonymous_id` and `group_id` of a row of `source`."""
        return sql.SQL("null::text as user_id, null::text as anonymous_id, null::text as group_id")

    def mark_invalid(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """Set `code` and `problem` of `change` where the destination would drop the row."""

    def find_removals(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """Make `removal`: what is gone, and is to be said as such."""
        connection.execute("create temporary table removal (object_id text) on commit drop")

    def store_removals(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings,
        generation: int,
    ) -> None:  # fmt: skip
        """Plan what `removal` holds."""

    def conclude(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings,
        generation: int,
    ) -> None:  # fmt: skip
        """Warn; keep what the next plan needs to know."""
