-- One row an event name ever received in a track, page or screen call: when it was first seen, and whether it
-- counts as usage.

{{ config(materialized='view') }}

with event_names as (

    select * from {{ ref('int_usage__event_names') }}

),

outcome_days as (

    select * from {{ ref('int_quality__outcome_days') }}
    where outcome = 'resolved'

),

resolved as (

    select
        type,
        event,
        sum(events)::bigint as calls
    from outcome_days
    group by type, event

),

usage_events as (

    select * from {{ ref('stg_settings__usage_events') }}

),

final as (

    select
        event_names.type,
        event_names.event,
        coalesce(usage_events.counted, event_names.type = 'track') as is_counted,
        coalesce(usage_events.weight, 1) as weight,
        event_names.calls,
        coalesce(resolved.calls, 0) as resolved_calls,
        event_names.first_seen_at,
        event_names.last_seen_at,
        event_names.first_received_at
    from event_names
    left join resolved on event_names.type = resolved.type and event_names.event = resolved.event
    left join usage_events
        on event_names.type = usage_events.type and event_names.event = usage_events.event

)

select * from final
