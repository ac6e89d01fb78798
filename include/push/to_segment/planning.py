"""What a plan for Segment has beside the comparison of its tables with the ledger."""

import psycopg
from psycopg import sql

from include.push import left_out, outbound
from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings
from include.push.planning import Planning
from include.push.to_segment import (
    former_groups,
    handed_over,
    preflight,
    removals,
    warehouse_names,
)
from include.push.to_segment.identity import identity as _identity
from include.push.to_segment.identity import is_known


class SegmentPlanning(Planning):
    """User ids, removals, warnings. What Segment must not get is invalid; left out is only what is
    about people whom Segment does not know yet.
    """

    def leave_out(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """Rows about people who have not been sent: an id of theirs is decided when they are."""
        if model.about is None:
            return
        connection.execute(
            sql.SQL(
                """
                insert into left_out (object_id, code, message, is_waiting, is_gone)
                select source.object_id, 'not_sent_yet', {message}, false, false
                from candidate
                inner join {table} as source on candidate.object_id = source.object_id
                where not {is_known}
                """
            ).format(
                message="Segment does not know whom it is about: "
                f"{' or '.join([model.about, *model.after])} goes first, and this with the push"
                " after",
                table=outbound.table(model),
                is_known=is_known(model, plan),
            )
        )
        left_out.take_from_candidates(connection)

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
        handed_over.find(connection, model, plan)
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
            removals.close(connection, model, plan, "handed_over")
        connection.execute("drop table former, returned, handed_over")
