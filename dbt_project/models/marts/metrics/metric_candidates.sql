-- One row a numeric trait of group calls that is not declared as a metric, with how often it was seen.

with trait_days as (

    select * from {{ ref('int_metrics__trait_days') }}

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

company_metrics as (

    select * from {{ ref('stg_settings__company_metrics') }}

),

final as (

    select
        trait_days.trait as metric,
        sum(trait_days.calls)::bigint as times_seen,
        count(distinct keyset_endusers.company_id) as companies,
        {{ place_event_at('min(trait_days.first_place)') }} as first_seen_at,
        {{ place_event_at('max(trait_days.last_place)') }} as last_seen_at,
        (array_agg(trait_days.value_last order by trait_days.last_place desc))[1] as last_value,
        {{ place_message_id('max(trait_days.last_place)') }} as sample_message_id
    from trait_days
    inner join keyset_endusers on trait_days.keyset = keyset_endusers.keyset
    left join company_metrics on trait_days.trait = company_metrics.metric
    where company_metrics.metric is null
    group by trait_days.trait

)

select * from final
