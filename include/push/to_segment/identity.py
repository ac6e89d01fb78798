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
    if model.about is not None:
        return sql.SQL(
            "({known} limit 1) as user_id, ({known_anonymous} limit 1) as anonymous_id,"
            " null::text as group_id"
        ).format(
            known=_known_as(model, plan, sql.SQL("user_id")),
            known_anonymous=_known_as(model, plan, sql.SQL("anonymous_id")),
        )
    in_its_company = sql.SQL(
        "coalesce({company_external_id}, 'planhat-' || {company_id}, 'planhat')"
        " || ':' || {external_id}"
    ).format(
        company_external_id=outbound.key(model, "company_external_id"),
        company_id=outbound.key(model, "company_id"),
        external_id=external_id,
    )
    # Its externalId, if no other enduser has it or is known to Segment by it.
    user_id = sql.SQL(
        """
        case
            when ledger.user_id is not null or ledger.anonymous_id is not null then ledger.user_id
            {as_before}
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
                {or_relatives}
                then {in_its_company}
            else {external_id}
        end
        """
    ).format(
        external_id=external_id,
        in_its_company=in_its_company,
        as_before=_as_before(model, plan, external_id, in_its_company),
        table=outbound.table(model),
        destination=plan.destination,
        model=model.name,
        or_relatives=_or_relatives(model, plan, external_id),
    )
    return sql.SQL(
        "{user_id} as user_id,"
        " case when {user_id} is null then coalesce("
        "ledger.anonymous_id, 'planhat-' || source.object_id) end as anonymous_id,"
        " null::text as group_id"
    ).format(user_id=user_id)


def is_known(model: PushedModel, plan: PlanSettings) -> sql.Composable:
    """Whether Segment knows whom a row of `source` is `about`."""
    return sql.SQL("exists ({})").format(_known_as(model, plan, sql.SQL("object_id")))


def _known_as(model: PushedModel, plan: PlanSettings, column: sql.Composable) -> sql.Composable:
    """What the ledger has of whom a row of `source` is about."""
    return sql.SQL(
        """
        select known.{column} from sync.objects as known
        where
            known.destination = {destination}
            and known.model = any({models})
            and known.object_id = source.object_id
            and (known.user_id is not null or known.anonymous_id is not null)
        """
    ).format(
        column=column, destination=plan.destination, models=[model.about, *model.after]
    )  # fmt: skip


def _as_before(
    model: PushedModel,
    plan: PlanSettings,
    external_id: sql.Composable,
    in_its_company: sql.Composable,
) -> sql.Composable:
    """The same person is known already, as one of another model: it stays who it is."""
    if not model.relatives:
        return sql.SQL("")
    same = sql.SQL(
        """
        select same.user_id from sync.objects as same
        where
            same.destination = {destination}
            and same.model = any({relatives})
            and same.user_id in ({external_id}, {in_its_company})
            and coalesce(same.payload, same.sent_payload) ->> 'company_id' = {company_id}
            and coalesce(same.payload, same.sent_payload) ->> 'external_id' = {external_id}
            and {has_left}
        """
    ).format(
        has_left=_has_left(model, "same"),
        destination=plan.destination,
        relatives=list(model.relatives),
        external_id=external_id,
        in_its_company=in_its_company,
        company_id=outbound.key(model, "company_id"),
    )
    return sql.SQL("when exists ({same}) then ({same} limit 1)").format(same=same)


def _has_left(model: PushedModel, alias: str) -> sql.Composable:
    """The relative is no object of Planhat any more.

    One that is has moved to another company, whatever the ledger says: calls create nobody whom
    Planhat has there. Of the created nothing is asked: they end where Planhat's begin.
    """
    if model.before is None:
        return sql.SQL("true")
    return sql.SQL("{}.object_id not in (select object_id from {} where object_id <> '')").format(
        sql.Identifier(alias), sql.Identifier(model.schema, model.before)
    )


def _or_relatives(
    model: PushedModel, plan: PlanSettings, external_id: sql.Composable
) -> sql.Composable:
    """Or somebody of another company has it in one of those models; of the same it is the same."""
    if not model.relatives:
        return sql.SQL("")
    return sql.SQL(
        """
        or exists (
            select from sync.objects as other
            where
                other.destination = {destination}
                and other.model = any({relatives})
                and other.user_id = {external_id}
                and other.removed_at is null
                and (
                    coalesce(coalesce(other.payload, other.sent_payload) ->> 'company_id', '')
                        <> {company_id}
                    or not {has_left}
                )
        )
        -- decided in this run, and not sent yet
        or (
            {external_id} in (
                select user_id from sync.planned
                where run_id = {run_id} and model = any({relatives}) and action <> 'removed'
            )
            and ({external_id}, {company_id}) not in (
                select user_id, coalesce(payload ->> 'company_id', '') from sync.planned
                where
                    run_id = {run_id} and model = any({relatives}) and action <> 'removed'
                    and user_id is not null
            )
        )
        """
    ).format(
        has_left=_has_left(model, "other"),
        destination=plan.destination,
        relatives=list(model.relatives),
        external_id=external_id,
        company_id=sql.SQL("coalesce({}, '')").format(outbound.key(model, "company_id")),
        run_id=plan.run_id,
    )
