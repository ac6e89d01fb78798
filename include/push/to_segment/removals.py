"""Objects that are gone, as the events that say so."""

import psycopg
from psycopg import sql

from include.push.catalogue import KEY_COLUMNS, PushedModel
from include.push.plan_settings import PlanSettings
from include.push.settled import NOTHING_SENT


def find(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """What Segment has, or may have, and the outbound table has not, into `removal`.

    With the keys that its event carries: those of its last payload. The groups that objects leave
    with this plan (`former`) are among them.
    """
    connection.execute(
        sql.SQL(
            """
            create temporary table removal on commit drop as
            with gone as (
                select
                    compared.ledger_id as object_id,
                    case
                        when ledger.former_of is not null then ledger.payload
                        else (
                            select jsonb_object_agg(key, value)
                            from jsonb_each(
                                -- null of what Planhat does not have
                                jsonb_build_object('planhat_id', ledger.object_id)
                                || coalesce(ledger.payload, ledger.sent_payload, '{{}}')
                            )
                            where key = any({keys})
                        )
                    end as payload
                from compared
                inner join sync.objects as ledger
                    on
                        ledger.destination = {destination}
                        and ledger.model = {model}
                        and compared.ledger_id = ledger.object_id
                where
                    compared.row_hash is null
                    and (
                        ledger.acknowledged_at is not null and ledger.removed_at is null
                        or ledger.sent_version is not null
                    )
                    and not exists (
                        select from former where former.object_id = ledger.object_id
                    )
                    and not exists (
                        select from returned where returned.object_id = ledger.object_id
                    )
                    and not exists (
                        select from handed_over where handed_over.object_id = ledger.object_id
                    )
            ),

            due as (
                select object_id, payload from gone
                union all
                select object_id, payload from former
            )

            select
                due.object_id,
                due.payload,
                ledger.sent_is_removal is true and ledger.sent_version is not null as is_sent_again,
                case
                    when ledger.sent_is_removal then ledger.sent_version
                    else greatest(ledger.version, ledger.sent_version, 0) + 1
                end as version,
                case when ledger.sent_is_removal then ledger.sent_message_id end as message_id
            from due
            left join sync.objects as ledger
                on
                    ledger.destination = {destination}
                    and ledger.model = {model}
                    and due.object_id = ledger.object_id
            where
                not exists (
                    select from sync.ignored_removals where ignored_removals.model = {model}
                )
            """
        ).format(destination=plan.destination, model=model.name, keys=list(KEY_COLUMNS))
    )


def close(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, which: str
) -> None:
    """Mark the objects of the table `which (object_id)` as removed, of which nobody is to be told.

    Their versions stay: one that comes back is new, under a message id of its own.
    """
    connection.execute(
        sql.SQL(
            """
            update sync.objects as ledger
            set
                removed_at = clock_timestamp(), row_hash = null,
                version = greatest(version, sent_version),
                -- what may have been sent alone says whose the user id is
                payload = coalesce(payload, sent_payload),
                {nothing_sent}
            from {which} as closed
            where
                ledger.destination = {destination} and ledger.model = {model}
                and ledger.object_id = closed.object_id
            """
        ).format(
            nothing_sent=sql.SQL(NOTHING_SENT),
            which=sql.Identifier(which),
            destination=plan.destination,
            model=model.name,
        )
    )


def store(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    """The rows of `removal` as events that carry the object's keys; after the changes."""
    connection.execute(
        """
        insert into sync.planned (
            run_id, model, position, object_id, action, call, event, user_id, payload, fingerprint,
            version, generation, message_id, bytes
        )
        select
            %(run_id)s, %(model)s,
            stored.number + row_number() over (order by removal.object_id), removal.object_id,
            'removed', 'track', %(event)s, %(service_id)s, removal.payload, 'removed',
            removal.version, %(generation)s,
            coalesce(
                removal.message_id,
                sync.message_id(
                    %(environment)s, %(model)s, removal.object_id, removal.version,
                    %(generation)s, 'removed'
                )
            ),
            sync.escaped_bytes(removal.payload::text) + sync.escaped_bytes(
                to_json(concat(%(service_id)s::text, removal.object_id, %(event)s::text))::text
            )
        from removal
        cross join (
            select count(*) as number from sync.planned
            where run_id = %(run_id)s and model = %(model)s
        ) as stored
        order by removal.object_id
        limit case
            when %(limit)s::bigint is not null then greatest(%(limit)s::bigint - (
                select count(*) from sync.planned
                where run_id = %(run_id)s and model = %(model)s
            ), 0)
        end
        """,
        {
            "run_id": plan.run_id,
            "model": model.name,
            "event": model.removed_event,
            "service_id": plan.service_id,
            "generation": generation,
            "environment": plan.environment,
            "limit": plan.limit,
        },
    )
