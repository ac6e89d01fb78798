"""What a plan for Planhat has beside the comparison of its tables with the ledger."""

import json

import psycopg
from psycopg import sql

from include.push import left_out, outbound
from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings
from include.push.planning import Planning
from include.push.to_planhat.unknown import WAITS

# What `withheld` says in a table of `to_planhat`, for people.
WITHHELD = {
    "no_address": "it has no e-mail address, and Planhat takes no enduser without one",
    "shared_address": "others whom we created in its company have the same address",
    "address_in_planhat": "an enduser of its company in Planhat has the same address",
    "former_external_id": (
        "Planhat had its external id in this company before: whoever it was moved away or was "
        "renamed, and a call may still say the old company"
    ),
    "no_external_id": "the object has no external id in Planhat, by which a metric names it",
    "external_id_shared": "others of its model have the same external id in other companies",
    "dimension_shared": "another metric of companies becomes the same dimension",
    "nobody_to_name": "it has neither an external id nor an address of its own in its company",
}


# What Planhat, or our own request, cannot do without.
REQUIRED = {
    "enduser": ("company_id", "email"),
    "metric": (
        "planhat_model", "planhat_id", "external_id", "dimension", "metric_date", "value",
        "aggregation",
    ),
    "activity": ("enduser_id", "activity_date", "event", "count", "weight"),
}  # fmt: skip


class PlanhatPlanning(Planning):
    """What is withheld, what waits. Nothing is ever removed there."""

    def leave_out(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """What a rule withholds, what waits for its outcome, and activities that became fewer."""
        if model.withholds:
            _withhold(connection, model)
        _let_wait(connection, model, plan)
        left_out.take_from_candidates(connection)
        if model.call == "activity":
            _compare_counts(connection, model, plan)
            left_out.take_from_candidates(connection)

    def mark_invalid(
        self, connection: psycopg.Connection, model: PushedModel, plan: PlanSettings
    ) -> None:
        """Rows without what each must have. Ours have it; those of an added model may not."""
        connection.execute(
            """
            update change
            set
                code = 'incomplete',
                problem = 'it has no ' || (
                    select string_agg(name, ', ' order by name)
                    from unnest(%(names)s::text[]) as name
                    where coalesce(payload ->> name, '') = ''
                )
            where
                code is null
                and exists (
                    select from unnest(%(names)s::text[]) as name
                    where coalesce(payload ->> name, '') = ''
                )
            """,
            {"names": list(REQUIRED[model.call])},
        )
        if model.call == "metric":
            connection.execute(
                "update change set code = 'unknown_aggregation',"
                " problem = 'its aggregation is neither SUM nor LAST'"
                " where code is null and payload ->> 'aggregation' not in ('SUM', 'LAST')"
            )


def _withhold(connection: psycopg.Connection, model: PushedModel) -> None:
    connection.execute(
        sql.SQL(
            """
            insert into left_out (object_id, code, message, is_waiting, is_gone)
            select
                candidate.object_id, source.withheld,
                coalesce({meanings}::jsonb ->> source.withheld, source.withheld), false, false
            from candidate
            inner join {table} as source on candidate.object_id = source.object_id
            where source.withheld is not null
            """
        ).format(table=outbound.table(model), meanings=sql.Literal(json.dumps(WITHHELD)))
    )


def _let_wait(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """What may have arrived, and would count twice if it were sent again."""
    connection.execute(
        f"""
        insert into left_out (object_id, code, message, is_waiting, is_gone, payload)
        select
            ledger.object_id, 'outcome_unknown',
            'sent at ' || to_char(ledger.sent_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
                || ' UTC without an answer: it may have arrived'
                || case when %(call)s = 'metric' then ', which is being read back' else '' end,
            true, compared.row_hash is null, ledger.sent_payload
        from compared
        inner join sync.objects as ledger
            on
                ledger.destination = %(destination)s
                and ledger.model = %(model)s
                and ledger.object_id = coalesce(compared.ledger_id, compared.object_id)
        where
            {WAITS}
            and not exists (
                select from left_out where left_out.object_id = ledger.object_id
            )
            and not exists (select from bad_key where bad_key.object_id = compared.object_id)
        """,  # noqa: S608
        {"destination": plan.destination, "model": model.name, "call": model.call},
    )


def _compare_counts(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Of activities the difference is sent, and only upwards: nothing can be taken back.

    Where somebody's of an event and day became fewer, identity has moved some of them: what became
    more there is listed as well, since Planhat has it under another enduser already.
    """
    connection.execute(
        sql.SQL(
            """
            create temporary table counted on commit drop as
            select
                coalesce(compared.object_id, compared.ledger_id) as object_id,
                coalesce(source.event, ledger.payload ->> 'event') as event,
                coalesce(source.activity_date, (ledger.payload ->> 'activity_date')::date)
                    as activity_date,
                compared.row_hash is null as is_gone,
                ledger.payload as known,
                coalesce(source.count, 0) as now,
                coalesce((ledger.payload ->> 'count')::bigint, 0) as before
            from compared
            left join {table} as source
                on compared.row_hash is not null and compared.object_id = source.object_id
            left join sync.objects as ledger
                on
                    ledger.destination = {destination}
                    and ledger.model = {model}
                    and ledger.object_id = compared.ledger_id
                    and ledger.acknowledged_at is not null
            where
                not exists (
                    select from left_out
                    where left_out.object_id = coalesce(compared.object_id, compared.ledger_id)
                )
                and not exists (select from bad_key where bad_key.object_id = compared.object_id)
            """
        ).format(table=outbound.table(model), destination=plan.destination, model=model.name)
    )
    # another weight for what was sent: nothing to send
    connection.execute(
        """
        delete from candidate using counted
        where candidate.object_id = counted.object_id and now = before and known is not null
        """
    )
    connection.execute(
        """
        insert into left_out (object_id, code, message, is_waiting, is_gone, payload)
        select
            object_id, 'fewer_than_sent',
            format('Planhat got %s, and it is %s by now: nothing can be taken back', before, now),
            false, is_gone, known
        from counted
        where now < before
        union all
        select
            object_id, 'moved_with_identity',
            format(
                '%s more, of an event and day of which others have fewer than was sent: '
                'Planhat has them under another enduser', now - before
            ),
            false, false, null
        from counted
        where
            now > before
            and (event, activity_date) in (
                select event, activity_date from counted where now < before
            )
        """
    )
    connection.execute("drop table counted")
