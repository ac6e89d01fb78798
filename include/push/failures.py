"""Rows of `sync.run_errors`: which object failed, why, for how long already."""

import psycopg
from psycopg import sql


def record_failures(
    connection: psycopg.Connection,
    run_id: int,
    destination: str,
    model: str,
    failed: sql.Composable,
) -> None:
    """Store one error a row of the query `failed (object_id, code, message, payload)`.

    Attempts and the first failure are carried on from the object's unresolved errors of earlier
    runs; plans that sent nothing do not count.
    """
    connection.execute(
        sql.SQL(
            """
            insert into sync.run_errors (
                run_id, destination, model, object_id, code, message, payload, attempts,
                first_failed_at
            )
            select
                {run_id}, {destination}, {model}, failed.object_id, failed.code, failed.message,
                failed.payload,
                coalesce(before.attempts, 0) + 1,
                coalesce(before.first_failed_at, clock_timestamp())
            from ({failed}) as failed
            left join lateral (
                select max(earlier.attempts) as attempts, min(earlier.first_failed_at)
                    as first_failed_at
                from sync.run_errors as earlier
                inner join sync.runs on earlier.run_id = runs.run_id
                where
                    earlier.destination = {destination}
                    and earlier.model = {model}
                    and earlier.object_id = failed.object_id
                    and earlier.resolved_at is null
                    and earlier.run_id < {run_id}
                    and not runs.is_dry
            ) as before on true
            """
        ).format(run_id=run_id, destination=destination, model=model, failed=failed)
    )


def resolve_failures(connection: psycopg.Connection, run_id: int) -> None:
    """Close the errors that the run has put right: acknowledged since, unchanged again, or gone.

    An object that the run did not come to (held, beyond the limit, cancelled) stays open.
    """
    connection.execute(
        """
        update sync.run_errors as error
        set resolved_at = clock_timestamp()
        from sync.runs as run, sync.run_models as model
        where
            run.run_id = %(run_id)s and model.run_id = %(run_id)s
            and model.planned_at is not null
            and error.destination = run.destination
            and error.model = model.model
            and error.run_id < %(run_id)s
            and error.resolved_at is null
            and not exists (
                select from sync.run_errors as again
                where
                    again.run_id = %(run_id)s and again.model = error.model
                    and again.object_id is not distinct from error.object_id
            )
            and (
                exists (
                    select from sync.objects as ledger
                    where
                        ledger.destination = error.destination
                        and ledger.model = error.model
                        and ledger.object_id = error.object_id
                        and ledger.acknowledged_at > error.failed_at
                )
                -- neither planned nor cut off by a limit: there was nothing to send
                or model.to_send = model.added + model.changed + model.removed
                and not exists (
                    select from sync.planned
                    where
                        planned.run_id = %(run_id)s and planned.model = error.model
                        and planned.object_id = error.object_id
                )
            )
        """,
        {"run_id": run_id},
    )
