-- One row a source, library and delay: how many calls arrived so long after they happened. A call that does not say
-- when it happened says nothing of that; what we pushed ourselves is left out.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['source', 'library', 'delay'],
    meta={'merges': {'calls': 'count'}}
) }}

with calls as (

    select * from {{ new_or_all('stg_segment__calls') }} as calls
    where time_problem is null and not has_receipt_id

),

delayed as (

    select
        source,
        coalesce({{ name_form('library', 60) }}, '') as library,
        case
            when received_at - event_at <= interval '1 hour' then '1h'
            when received_at - event_at <= interval '12 hours' then '12h'
            when received_at - event_at <= interval '1 day' then '1d'
            when received_at - event_at <= interval '7 days' then '7d'
            else 'later'
        end as delay
    from calls

),

final as (

    select
        source,
        library,
        delay,
        count(*) as calls
    from delayed
    group by source, library, delay

)

select * from final
