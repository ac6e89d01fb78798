"""People whom Planhat has by now: they go on under its id, and nothing of them is removed.

An enduser that calls have created is an object of a model `before` the endusers of Planhat. Once
Planhat has the person, that object is gone, and another one says who it is.
"""

import psycopg
from psycopg import sql

from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings


def find(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Objects that are gone because Planhat has the person, into `handed_over (object_id)`.

    The same company and external id, or where there was none, the same address.
    """
    connection.execute("create temporary table handed_over (object_id text) on commit drop")
    people = model.before or model.about
    if people is None:
        return
    connection.execute(
        sql.SQL(
            """
            insert into handed_over
            with gone as (
                select
                    ledger.object_id,
                    -- usage has no address: whom it is about has
                    coalesce(
                        person.payload, person.sent_payload, ledger.payload, ledger.sent_payload
                    ) as payload
                from compared
                inner join sync.objects as ledger
                    on
                        ledger.destination = {destination}
                        and ledger.model = {model}
                        and compared.ledger_id = ledger.object_id
                left join sync.objects as person
                    on
                        person.destination = {destination}
                        and person.model = any({created})
                        and person.object_id = ledger.object_id
                where
                    compared.row_hash is null
                    -- said as removed before, and perhaps there again
                    and (ledger.removed_at is null or ledger.sent_version is not null)
            )

            select gone.object_id
            from gone
            inner join {people} as source
                on
                    gone.payload ->> 'company_id' = source.company_id
                    and gone.payload ->> 'external_id' = {external_id}
                    and gone.object_id <> source.object_id
            union
            select gone.object_id
            from gone
            inner join {people} as source
                on
                    gone.payload ->> 'company_id' = source.company_id
                    and gone.payload ->> 'external_id' is null
                    and gone.payload ->> 'email' = source.email
                    and gone.object_id <> source.object_id
            """
        ).format(
            destination=plan.destination,
            model=model.name,
            people=sql.Identifier(model.schema, people),
            created=list(model.after),
            external_id=sql.SQL("nullif(btrim(source.external_id), '')"),
        )
    )
