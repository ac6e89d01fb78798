"""Values of metrics, by metric, object and day: a pair is one of ours and one of theirs."""

import psycopg
from psycopg import sql

from include.compare.days import Days
from include.compare.tables import outbound, union

# As doubles lose it where sums are made of differences.
_SAME = "abs({a} - {b}) <= greatest(1e-9, 1e-9 * greatest(abs({a}), abs({b})))"


def load_ours(connection: psycopg.Connection, days: Days) -> list[str]:
    """Make `our_metric`; returns every metric that we know of, also those without a value."""
    rows = union(
        outbound("metric"),
        ("object_id", "planhat_model", "planhat_id", "dimension", "metric_date", "value",
         "aggregation"),
    )  # fmt: skip
    connection.execute(
        sql.SQL(
            "create temporary table our_metric as select * from ({}) as ours"
            " where metric_date between {} and {}"
        ).format(rows, days.first, days.last)
    )
    connection.execute("analyze our_metric")
    # as dbt_project/models/to_planhat/to_planhat__metric.sql names them
    connection.execute(
        r"""
        create temporary table known_metric as
        select
            regexp_replace(btrim(metric), '\s+', '_', 'g') as dimension, metric as declared,
            'company' as object_type, null::date as since
        from sync.company_metrics
        union all
        select dimension, null, object_type, since from sync.planhat_measures
        """
    )
    found = connection.execute(
        "select dimension from known_metric union select dimension from our_metric order by 1"
    ).fetchall()
    return [dimension for (dimension,) in found]


def compare_metrics(connection: psycopg.Connection) -> tuple[int, int]:
    """Write the outcomes; how many values are ours, and how many theirs."""
    connection.execute(
        """
        create temporary table refused_value as
        select distinct
            known_metric.dimension, rejected.company_id as planhat_id,
            (rejected.event_at at time zone 'UTC')::date as day
        from marts.metric_rejections as rejected
        inner join known_metric on rejected.metric = known_metric.declared
        """
    )
    connection.execute("create index on refused_value (planhat_id, day)")
    connection.execute(_PAIR)
    connection.execute("analyze metric_pair")
    connection.execute(_BOTH)
    connection.execute(_OURS_ONLY)
    connection.execute(_THEIRS_ONLY)
    (ours,) = connection.execute("select count(*) from our_metric").fetchone()  # type: ignore[misc]
    (theirs,) = connection.execute("select count(*) from their_metric").fetchone()  # type: ignore[misc]
    return ours, theirs


# Two of one metric, object and day are paired in turn: first what may be sent, and of theirs what
# is equal to it.
_PAIR = f"""
    create temporary table metric_pair as
    with ours as (
        select
            *,
            row_number() over (
                partition by dimension, planhat_id, metric_date
                order by withheld nulls first, object_id
            ) as place
        from our_metric
    ),
    theirs as (
        select
            them.*,
            row_number() over (
                partition by them.dimension, them.planhat_id, them.day
                order by
                    ({_SAME.format(a="them.value", b="ours.value")}) desc nulls last,
                    them.row_id
            ) as place
        from their_metric as them
        left join ours
            on
                them.dimension = ours.dimension and them.planhat_id = ours.planhat_id
                and them.day = ours.metric_date and ours.place = 1
    )
    select
        coalesce(ours.dimension, theirs.dimension) as dimension,
        coalesce(ours.planhat_id, theirs.planhat_id) as planhat_id,
        coalesce(ours.metric_date, theirs.day) as day,
        coalesce(ours.place, theirs.place) as place,
        ours.object_id is not null as is_ours, theirs.planhat_id is not null as is_theirs,
        ours.value as ours, ours.aggregation, ours.withheld,
        theirs.value as theirs, theirs.said, theirs.spelled
    from ours
    full join theirs
        on
            ours.dimension = theirs.dimension and ours.planhat_id = theirs.planhat_id
            and ours.metric_date = theirs.day and ours.place = theirs.place
"""  # noqa: S608

# Values of the pair's day that are no number, else calls of it that name its company and found
# nobody: group calls, or of what is counted all others.
_REFUSED = """
    case
        when
            exists (
                select from refused_value as refused
                where
                    refused.dimension = pair.dimension
                    and refused.planhat_id = pair.planhat_id and refused.day = pair.day
            )
            then 'rejected_value'
        else (
            select call.reason from unresolved_call as call
            where
                call.day = pair.day
                and (call.company_id = pair.planhat_id or call.company_key = owner.external_id)
                and call.is_group = (pair.dimension in (
                    select dimension from known_metric where declared is not null
                ))
            group by call.reason order by sum(call.events) desc, call.reason limit 1
        )
    end
"""

_BOTH = f"""
    insert into outcome
    select
        'metrics', case when reason is null then 'equal' else 'different' end, reason,
        planhat_id, null, dimension, day, trim_scale(ours)::text,
        case when spelled <> dimension then spelled || ': ' else '' end || coalesce(said, 'nothing')
    from (
        select
            pair.*,
            case
                when withheld is not null then withheld
                when spelled <> dimension then 'spelled_otherwise'
                when theirs is null then 'no_number'
                when {_SAME.format(a="ours", b="theirs")} then null
                when
                    aggregation = 'SUM' and ours <> 0 and theirs / ours >= 2
                    and {_SAME.format(a="theirs / ours", b="round(theirs / ours)")}
                    then 'multiple'
                else coalesce({_REFUSED}, 'another_value')
            end as reason
        from metric_pair as pair
        left join marts.companies as owner on pair.planhat_id = owner.company_id
        where is_ours and is_theirs
    ) as paired
"""  # noqa: S608

_OURS_ONLY = """
    insert into outcome
    select
        'metrics', 'ours_only',
        coalesce(
            withheld,
            case when place > 1 then 'dimension_shared' else 'not_there' end
        ),
        planhat_id, null, dimension, day, trim_scale(ours)::text, null
    from metric_pair
    where is_ours and not is_theirs
"""

_THEIRS_ONLY = f"""
    insert into outcome
    select
        'metrics', 'theirs_only',
        case
            when
                exists (
                    select from metric_pair as first
                    where
                        first.place = 1 and pair.place > 1 and first.dimension = pair.dimension
                        and first.planhat_id = pair.planhat_id and first.day = pair.day
                )
                then 'twice_in_planhat'
            when object.planhat_id is null then 'unknown_object'
            when object.is_shared then 'external_id_shared'
            when
                pair.day < (select since from sync.planhat_outbound where model = 'metric')
                or exists (
                    select from known_metric
                    where
                        known_metric.dimension = pair.dimension
                        and known_metric.object_type = object.model
                        and pair.day < known_metric.since
                )
                then 'before_since'
            when spelled <> dimension then 'spelled_otherwise'
            else coalesce({_REFUSED}, 'no_value')
        end,
        pair.planhat_id, null, dimension, day, null,
        case when spelled <> dimension then spelled || ': ' else '' end || coalesce(said, 'nothing')
    from metric_pair as pair
    left join (
        select
            model, planhat_id,
            model <> 'company' and payload ->> 'externalId' is not null
            and count(*) over (partition by model, payload ->> 'externalId') > 1 as is_shared
        from raw_planhat.objects
        where model in ('company', 'enduser', 'asset', 'project') and deleted_at is null
    ) as object on pair.planhat_id = object.planhat_id
    left join marts.companies as owner on pair.planhat_id = owner.company_id
    where is_theirs and not is_ours
"""  # noqa: S608
