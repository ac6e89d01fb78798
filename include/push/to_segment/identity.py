"""Who a message is about, decided once an object and then read from the ledger."""

from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings


def identity(model: PushedModel, plan: PlanSettings) -> sql.Composable:
    """Who a message is about: `user_id`, `anonymous_id`, `group_id` of a row of `source`.

    Groups and events go out under one service id, because each distinct user id of a month is
    billed. An enduser's id is decided at its first message and then read from the ledger.
    """
    external_id = outbound.key(model, "external_id")
    if model.call == "group":
        return sql.SQL(
            "{service}::text as user_id, null::text as anonymous_id,"
            " coalesce({external_id}, 'planhat-' || source.object_id) as group_id"
        ).format(service=plan.service_id, external_id=external_id)
    if model.call == "track":
        return sql.SQL(
            "{service}::text as user_id, null::text as anonymous_id, null::text as group_id"
        ).format(service=plan.service_id)
    # Its externalId, if no other enduser has it or is known to Segment by it.
    user_id = sql.SQL(
        """
        case
            when ledger.user_id is not null or ledger.anonymous_id is not null then ledger.user_id
            when {external_id} is null then null
            when
                {external_id} in (
                    select external_id from {table}
                    group by external_id having count(*) > 1
                )
                or exists (
                    select from sync.objects as other
                    where
                        other.destination = {destination}
                        and other.model = {model}
                        and other.user_id = {external_id}
                        and other.object_id <> source.object_id
                        and other.object_id in (select object_id from {table})
                )
                then coalesce({company_external_id}, 'planhat-' || {company_id}, 'planhat')
                    || ':' || {external_id}
            else {external_id}
        end
        """
    ).format(
        external_id=external_id,
        company_external_id=outbound.key(model, "company_external_id"),
        company_id=outbound.key(model, "company_id"),
        table=outbound.table(model),
        destination=plan.destination,
        model=model.name,
    )
    return sql.SQL(
        "{user_id} as user_id,"
        " case when {user_id} is null then coalesce("
        "ledger.anonymous_id, 'planhat-' || source.object_id) end as anonymous_id,"
        " null::text as group_id"
    ).format(user_id=user_id)
