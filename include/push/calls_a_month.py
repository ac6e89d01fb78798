"""What a model that changes each day costs in calls: Segment bills and limits them by the month."""

import psycopg

from include.counting import counted
from include.push.catalogue import PushedModel

DAYS = 30


def calls_a_month(
    connection: psycopg.Connection, run_id: int, destination: str, model: PushedModel
) -> str:
    """In a line: at most so many, and how many the last 30 days had."""
    considered, sent, first_day = connection.execute(
        """
        select
            (
                select considered from sync.run_models
                where run_id = %(run_id)s and model = %(model)s
            ),
            (
                select coalesce(sum(run_models.synced), 0)
                from sync.run_models
                inner join sync.runs on run_models.run_id = runs.run_id
                where
                    runs.destination = %(destination)s and not runs.is_dry
                    and run_models.model = %(model)s
                    and runs.started_at > now() - %(days)s * interval '1 day'
            ),
            (
                select (min(first_acknowledged_at) at time zone 'UTC')::date from sync.objects
                where destination = %(destination)s and model = %(model)s
            )
        """,
        {"run_id": run_id, "destination": destination, "model": model.name, "days": DAYS},
    ).fetchone()  # type: ignore[misc]
    line = (
        f"{model.name} changes daily: at most {considered * DAYS:,} calls a month, "
        f"if each of {counted(considered, 'object')} changes every day"
    )
    if first_day is None:
        return line
    return f"{line}; {sent:,} in the last {DAYS} days, it goes since {first_day}"
