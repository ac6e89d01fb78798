-- One row a company, declared metric and day with a value: the sum of the day's values, or the last one. A view,
-- so that a metric declared now is there now, with all its history.

{{ config(materialized='view') }}

with trait_days as (

    select * from {{ ref('int_metrics__trait_days') }}

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}
    where company_id is not null and reason is null

),

company_metrics as (

    select * from {{ ref('stg_settings__company_metrics') }}

),

final as (

    select
        keyset_endusers.company_id,
        trait_days.trait as metric,
        trait_days.metric_date,
        case company_metrics.aggregation
            when 'SUM' then sum(trait_days.value_sum)
            else (array_agg(trait_days.value_last order by trait_days.last_place desc))[1]
        end as value,
        company_metrics.aggregation,
        sum(trait_days.calls)::bigint as calls
    from trait_days
    inner join keyset_endusers on trait_days.keyset = keyset_endusers.keyset
    inner join company_metrics on trait_days.trait = company_metrics.metric
    group by
        keyset_endusers.company_id,
        trait_days.trait,
        trait_days.metric_date,
        company_metrics.aggregation

)

select * from final
