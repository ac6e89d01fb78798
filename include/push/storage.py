"""The plan as rows of `sync.planned`, numbered: a batch, or a part of a model, is a range."""

import psycopg

from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings


def store_changes(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    """The sendable rows of `change`: first what is added, then what is changed."""
    connection.execute(
        """
        insert into sync.planned (
            run_id, model, position, object_id, action, call, event, user_id, anonymous_id,
            group_id, payload, fingerprint, row_hash, version, generation, message_id, bytes
        )
        select
            %(run_id)s, %(model)s, row_number() over (order by action, object_id),
            object_id, action, %(call)s, %(event)s, user_id, anonymous_id, group_id, payload,
            fingerprint, row_hash, version, %(generation)s,
            coalesce(
                message_id,
                sync.message_id(
                    %(environment)s, %(model)s, object_id, version, %(generation)s, fingerprint
                )
            ),
            payload_bytes + sync.escaped_bytes(
                to_json(concat(user_id, anonymous_id, group_id, object_id, %(event)s::text))::text
            )
        from change
        where code is null
        order by action, object_id
        limit %(limit)s::bigint
        """,
        {
            "run_id": plan.run_id,
            "model": model.name,
            "call": model.call,
            "event": model.event,
            "generation": generation,
            "environment": plan.environment,
            "limit": plan.limit,
        },
    )
