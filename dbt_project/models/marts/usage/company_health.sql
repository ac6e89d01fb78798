-- One row a company in Planhat: its health, 0 (bad) to 10, the weighted mean of the parts for which there is
-- data; each part is 0 to 10, null without data.

with companies as (

    select * from {{ ref('companies') }}
    where deleted_at is null

),

usage_trends as (

    select * from {{ ref('usage_trends') }}
    where object_type = 'company'

),

metric_changes as (

    -- the chosen metrics are the declared ones
    select
        company_id,
        round(avg({{ part_of_change('change_30d') }}), 2) as part
    from {{ ref('company_metric_changes') }}
    where change_30d is not null
    group by company_id

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

),

parts as (

    select
        companies.company_id,
        {{ part_of_change('usage_trends.change_30d') }} as trend_part,
        round(
            10.0 * usage_trends.active_endusers_30d / nullif(usage_trends.endusers_total, 0), 2
        ) as breadth_part,
        -- greatest() passes over a null: no activity ever is no data, not the worst
        case
            when usage_trends.last_activity_at is not null
                then round(10 * greatest(
                    0,
                    1 - (
                        {{ as_of_date() }} - {{ utc_date('usage_trends.last_activity_at') }}
                    ) / nullif(thresholds.health_recency_zero_days, 0)
                ), 2)
        end as recency_part,
        metric_changes.part as metric_part,
        thresholds.health_weight_trend,
        thresholds.health_weight_breadth,
        thresholds.health_weight_recency,
        thresholds.health_weight_metric
    from companies
    cross join thresholds
    left join usage_trends on companies.company_id = usage_trends.object_id
    left join metric_changes on companies.company_id = metric_changes.company_id

),

final as (

    select
        company_id,
        {{ as_of_date() }} as as_of_date,
        round((
            coalesce(trend_part * health_weight_trend, 0)
            + coalesce(breadth_part * health_weight_breadth, 0)
            + coalesce(recency_part * health_weight_recency, 0)
            + coalesce(metric_part * health_weight_metric, 0)
        ) / nullif(
            case when trend_part is not null then health_weight_trend else 0 end
            + case when breadth_part is not null then health_weight_breadth else 0 end
            + case when recency_part is not null then health_weight_recency else 0 end
            + case when metric_part is not null then health_weight_metric else 0 end,
            0
        ), 2) as score,
        trend_part,
        breadth_part,
        recency_part,
        metric_part
    from parts

)

select * from final
