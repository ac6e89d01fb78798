"""What a plan leaves out, each object with its reason: withheld by a rule, or waiting for a person.

`withheld`: its destination must not get it as it is. `waiting`: it was sent, nobody knows whether
it arrived, and sending it again would count twice.
"""

import psycopg
from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings


def begin(connection: psycopg.Connection) -> None:
    """Make `left_out`. `is_gone`: the outbound table has it no more."""
    connection.execute(
        """
        create temporary table left_out (
            object_id text, code text, message text, is_waiting bool, is_gone bool, payload jsonb
        )
        on commit drop
        """
    )


def take_from_candidates(connection: psycopg.Connection) -> None:
    """What is left out is no candidate."""
    connection.execute(
        "delete from candidate using left_out where candidate.object_id = left_out.object_id"
    )
    connection.execute("analyze candidate")


def store(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Keep the rows of `left_out` with the run."""
    connection.execute(
        sql.SQL(
            """
            insert into sync.left_out (
                run_id, model, object_id, code, message, is_waiting, payload
            )
            select
                {run_id}, {model}, left_out.object_id, left_out.code, left_out.message,
                left_out.is_waiting, coalesce(left_out.payload, {payload})
            from left_out
            left join {table} as source on left_out.object_id = source.object_id
            """
        ).format(
            run_id=plan.run_id,
            model=model.name,
            payload=outbound.payload(model),
            table=outbound.table(model),
        )
    )
