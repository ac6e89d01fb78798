-- One row a company in Planhat that was ever active or has a metric: what we compute of it, apart from what Planhat
-- says because it changes daily. A contract: see company_usage.yml. A view: it is read when it is pushed.

{{ config(materialized='view') }}

with companies as (

    select * from {{ ref('stg_planhat__companies') }}
    where deleted_at is null

),

usage_trends as (

    select * from {{ ref('usage_trends') }}
    where object_type = 'company'

),

company_health as (

    select * from {{ ref('company_health') }}

),

metrics_by_company as (

    select
        company_id,
        jsonb_object_agg(metric, value_30d) as metrics
    from {{ ref('company_metric_changes') }}
    group by company_id

),

final as (

    select
        -- keys
        companies.company_id as object_id,
        companies.company_id as planhat_id,
        companies.external_id,
        companies.company_id,
        companies.external_id as company_external_id,

        -- what its endusers did
        {{ pushed_usage() }},
        {%- for days in ['1d', '7d', '30d', '90d'] %}
        usage_trends.active_endusers_{{ days }},
        {%- endfor %}
        usage_trends.endusers_total,

        -- Planhat has a health of its own
        company_health.score as usage_health,
        company_health.trend_part as usage_health_trend,
        company_health.breadth_part as usage_health_breadth,
        company_health.recency_part as usage_health_recency,
        company_health.metric_part as usage_health_metrics,

        -- by name: a SUM's total of 30 days, the last value of a LAST
        metrics_by_company.metrics
    from companies
    left join usage_trends on companies.company_id = usage_trends.object_id
    left join company_health on companies.company_id = company_health.company_id
    left join metrics_by_company on companies.company_id = metrics_by_company.company_id
    where usage_trends.object_id is not null or metrics_by_company.company_id is not null

)

select * from final
