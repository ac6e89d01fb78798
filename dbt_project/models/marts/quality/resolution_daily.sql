-- One row a source, type, reason and day: what became of the calls, in numbers small enough to draw.

with resolutions as (

    select * from {{ ref('event_resolution') }}

),

final as (

    select
        event_date as day,
        source,
        type,
        -- null: resolved
        reason,
        count(*) as events,
        min(message_id) as sample_message_id
    from resolutions
    group by event_date, source, type, reason

)

select * from final
