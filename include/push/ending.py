"""How a run ends: its books are settled and checked, and its status follows from its counts."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.counting import counted
from include.push import resync, runs
from include.push.failures import resolve_failures
from include.push.report import check_books
from include.push.to_segment.receipts import mark_seen_back


def close_dry_run(connection: psycopg.Connection, run_id: int, reason: str | None = None) -> None:
    """End a run that only plans; `reason`: why it came to nothing, else what it could not plan."""
    with connection.transaction():
        runs.settle_books(connection, run_id)
        connection.execute(
            """
            update sync.runs
            set
                finished_at = coalesce(finished_at, clock_timestamp()),
                reason = coalesce(reason, %(reason)s, (
                    select string_agg(model, ', ' order by model) || ' cannot be planned'
                    from sync.run_models where run_id = %(run_id)s and planned_at is null
                ))
            where run_id = %(run_id)s
            """,
            {"run_id": run_id, "reason": reason},
        )


def finish(connection: psycopg.Connection, run_id: int, *, only_if_idle: bool = False) -> bool:
    """End an active run with the status that its counts say; False when it was not active.

    `only_if_idle`: also False while somebody works for it.
    """
    with connection.transaction():
        if only_if_idle and runs.has_workers(connection, run_id):
            return False
        # Ended first, so that nobody writes for the run any more; then its books are final.
        if not runs.end(connection, run_id, "success", None):
            return False
        resolve_failures(connection, run_id)
        status, reason = _status(connection, run_id)
        if wrong := check_books(connection, run_id):
            status, reason = "failed", f"the books do not add up: {wrong}"
        connection.execute(
            "update sync.runs set status = %s, reason = %s where run_id = %s",
            [status, reason, run_id],
        )
        (destination,) = connection.execute(
            "select destination from sync.runs where run_id = %s", [run_id]
        ).fetchone()  # type: ignore[misc]
        mark_seen_back(connection, destination)
        resync.mark_complete(connection, destination)
    return True


def _status(connection: psycopg.Connection, run_id: int) -> tuple[str, str | None]:
    """The run's status from its final counts, and why it is not a success."""
    cancelled_by, planned_at = connection.execute(
        "select cancel_requested_by, planned_at from sync.runs where run_id = %s", [run_id]
    ).fetchone()  # type: ignore[misc]
    counts = _totals(connection, run_id)
    why = _reasons(counts["reasons"])
    failed = counted(counts["errors"], "object") + " failed" if counts["errors"] else None
    held = counted(counts["held"], "object", ("is", "are")) + " held until somebody answers"
    cases = [
        (cancelled_by, "cancelled", f"cancelled by {cancelled_by}"),
        (planned_at is None or not counts["models"], "failed", "it was not planned"),
        (counts["unplanned"] == counts["models"], "failed", why),
        (
            counts["is_unanswered"] and not counts["synced"],
            "failed",
            why or "the destination gave no answer that can be relied on",
        ),
        (
            # Refused whole (a wrong key, say), or not reached: not one object too many or too few.
            not counts["synced"] and (counts["left"] or (counts["errors"] and why)),
            "failed",
            why,
        ),
        (counts["left"] or counts["unplanned"], "partial", why),
        (counts["errors"], "partial", failed),
        (counts["held"], "held", held),
    ]
    for applies, status, reason in cases:
        if applies:
            # Whatever the status is of, nothing that is held is left unsaid.
            is_said = status in ("cancelled", "held") or not counts["held"]
            return status, reason if is_said else f"{reason}; {held}" if reason else held
    return "success", None


def _reasons(reasons: list[str]) -> str | None:
    """Of several models the first two, which mostly say the same."""
    more = f" (and {counted(len(reasons) - 2, 'model')} more)" if len(reasons) > 2 else ""
    return "; ".join(reasons[:2]) + more if reasons else None


def _totals(connection: psycopg.Connection, run_id: int) -> dict[str, Any]:
    """Sums over the run's models; `left`: to be sent, and neither synced nor failed."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select
                coalesce(sum(synced), 0) as synced,
                coalesce(sum(errors), 0) as errors,
                coalesce(sum(held) filter (where not is_answered), 0) as held,
                coalesce(sum(to_send - synced - (errors - invalid)), 0) as left,
                count(*) filter (where planned_at is null) as unplanned,
                count(*) as models,
                array(
                    select reason from sync.run_models as said
                    where said.run_id = %(run_id)s and held = 0 and reason is not null
                    group by reason order by min(model)
                ) as reasons,
                exists (
                    select from sync.batches where run_id = %(run_id)s and status = 'unknown'
                ) as is_unanswered
            from sync.run_models where run_id = %(run_id)s
            """,
            {"run_id": run_id},
        ).fetchone()  # type: ignore[return-value]
