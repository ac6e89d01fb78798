-- One row a day, source, type, event and outcome (resolved, or the reason): how many calls, and how many of them
-- with a known company. Their sum is every call that landed.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['day', 'source', 'type', 'event', 'outcome'],
    meta={'merges': {'events': 'count', 'events_with_company': 'sum'}}
) }}

with calls as (

    select
        event_date as day,
        source,
        type,
        coalesce(event, '') as event,
        coalesce(reason, 'resolved') as outcome,
        company_id
    from {{ new_or_all('int_identity__call_resolutions', told_by='int_identity__call_changes') }} as calls

),

final as (

    select
        day,
        source,
        type,
        event,
        outcome,
        count(*) as events,
        count(company_id) as events_with_company
    from calls
    group by day, source, type, event, outcome

)

select * from final
