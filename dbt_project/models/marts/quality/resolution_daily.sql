-- One row a source, type, reason and day: what became of the calls, in numbers small enough to draw.

{{ config(materialized='view') }}

with outcome_days as (

    select * from {{ ref('int_quality__outcome_days') }}

),

final as (

    select
        day,
        source,
        type,
        -- null: resolved
        nullif(outcome, 'resolved') as reason,
        sum(events)::bigint as events
    from outcome_days
    group by day, source, type, outcome

)

select * from final
