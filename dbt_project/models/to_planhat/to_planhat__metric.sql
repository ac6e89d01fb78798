-- One row an object, day and metric: the declared metrics of companies, and the usage measures that somebody chose
-- (`sync.planhat_measures`), of days that are over. A contract: see to_planhat__metric.yml. A view: a metric
-- declared now, or a measure chosen now, is there now with all its history.

with company_metrics as (

    select * from {{ ref('company_metrics') }}

),

declared_metrics as (

    select
        metric,
        -- Planhat takes no spaces in a dimension's id
        regexp_replace(btrim(metric), '\s+', '_', 'g') as dimension
    from {{ ref('stg_settings__company_metrics') }}

),

measures as (

    select * from {{ ref('stg_settings__planhat_measures') }}

),

outbound as (

    select * from {{ ref('stg_settings__planhat_outbound') }}
    where model = 'metric'

),

usage_daily as (

    select * from {{ ref('usage_daily') }}

),

enduser_days as (

    select * from {{ ref('int_usage__object_enduser_days') }}
    where enduser_id <> ''

),

usage_events as (

    select * from {{ ref('stg_settings__usage_events') }}

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}
    where deleted_at is null

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null

),

assets as (

    select * from {{ ref('stg_planhat__assets') }}
    where deleted_at is null

),

projects as (

    select * from {{ ref('stg_planhat__projects') }}
    where deleted_at is null

),

objects as (

    select
        'company' as object_type,
        'Company' as planhat_model,
        company_id as object_id,
        external_id
    from companies
    union all
    select
        'enduser' as object_type,
        'EndUser' as planhat_model,
        enduser_id as object_id,
        external_id
    from endusers
    union all
    select
        'asset' as object_type,
        'Asset' as planhat_model,
        asset_id as object_id,
        external_id
    from assets
    union all
    select
        'project' as object_type,
        'Project' as planhat_model,
        project_id as object_id,
        external_id
    from projects

),

-- a metric names its object by its external id alone, which Planhat keeps unique within a company
named_objects as (

    select
        *,
        count(*) over (partition by object_type, external_id) as of_its_external_id
    from objects

),

declared as (

    select
        'company' as object_type,
        company_metrics.company_id as object_id,
        company_metrics.metric_date,
        declared_metrics.dimension,
        company_metrics.metric as measured,
        company_metrics.value,
        company_metrics.aggregation
    from company_metrics
    inner join declared_metrics on company_metrics.metric = declared_metrics.metric

),

sums as (

    select
        usage_daily.object_type,
        usage_daily.object_id,
        usage_daily.activity_date as metric_date,
        measures.dimension,
        measures.measure as measured,
        sum(
            case measures.measure
                when 'activities' then usage_daily.activities
                else usage_daily.weight
            end
        ) as value,
        measures.aggregation
    from usage_daily
    inner join measures
        on
            usage_daily.object_type = measures.object_type
            and measures.measure <> 'endusers'
            and (measures.since is null or usage_daily.activity_date >= measures.since)
    where usage_daily.activity_date < (now() at time zone 'UTC')::date
    group by
        usage_daily.object_type,
        usage_daily.object_id,
        usage_daily.activity_date,
        measures.dimension,
        measures.measure,
        measures.aggregation

),

people as (

    select
        enduser_days.object_type,
        enduser_days.object_id,
        enduser_days.activity_date as metric_date,
        measures.dimension,
        measures.measure as measured,
        count(distinct enduser_days.enduser_id)::numeric as value,
        measures.aggregation
    from enduser_days
    inner join measures
        on
            enduser_days.object_type = measures.object_type
            and measures.measure = 'endusers'
            and (measures.since is null or enduser_days.activity_date >= measures.since)
    left join usage_events
        on enduser_days.type = usage_events.type and enduser_days.event = usage_events.event
    where
        enduser_days.activity_date < (now() at time zone 'UTC')::date
        and coalesce(usage_events.counted, enduser_days.type = 'track')
    group by
        enduser_days.object_type,
        enduser_days.object_id,
        enduser_days.activity_date,
        measures.dimension,
        measures.measure,
        measures.aggregation

),

-- how many metrics would become one in Planhat
dimensions as (

    select
        object_type,
        dimension,
        count(*) as metrics
    from (
        select
            'company' as object_type,
            dimension
        from declared_metrics
        union all
        select
            object_type,
            dimension
        from measures
    ) as every_metric
    group by object_type, dimension

),

unioned as (

    select * from declared
    union all
    select * from sums
    union all
    select * from people

),

final as (

    select
        -- keys
        concat_ws(
            ' ',
            named_objects.planhat_model,
            named_objects.object_id,
            unioned.metric_date,
            case when length(unioned.measured) <= 100 then unioned.measured else md5(unioned.measured) end
        ) as object_id,
        named_objects.planhat_model,
        named_objects.object_id as planhat_id,
        named_objects.external_id,

        -- what it says
        unioned.dimension,
        unioned.metric_date,
        unioned.value,
        unioned.aggregation,

        -- why it must not go
        case
            when named_objects.external_id is null then 'no_external_id'
            when named_objects.of_its_external_id > 1 then 'external_id_shared'
            when dimensions.metrics > 1 then 'dimension_shared'
        end as withheld
    from unioned
    inner join named_objects
        on unioned.object_type = named_objects.object_type and unioned.object_id = named_objects.object_id
    inner join dimensions
        on unioned.object_type = dimensions.object_type and unioned.dimension = dimensions.dimension
    left join outbound on true
    -- what another integration wrote before is not added to
    where outbound.since is null or unioned.metric_date >= outbound.since

)

select * from final
