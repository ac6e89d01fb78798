-- One row an event name ever received in a track, page or screen call: when it was first seen, and whether it
-- counts as usage.

with resolutions as (

    select * from {{ ref('event_resolution') }}
    where type in ('track', 'page', 'screen') and reason is distinct from 'receipt'

),

usage_events as (

    select * from {{ ref('stg_settings__usage_events') }}

),

final as (

    select
        resolutions.type,
        resolutions.event,
        coalesce(bool_and(usage_events.counted), resolutions.type = 'track') as is_counted,
        coalesce(max(usage_events.weight), 1) as weight,
        count(*) as calls,
        count(*) filter (where resolutions.reason is null) as resolved_calls,
        min(resolutions.event_at) as first_seen_at,
        max(resolutions.event_at) as last_seen_at,
        min(resolutions.received_at) as first_received_at
    from resolutions
    left join usage_events
        on resolutions.type = usage_events.type and resolutions.event = usage_events.event
    group by resolutions.type, resolutions.event

)

select * from final
