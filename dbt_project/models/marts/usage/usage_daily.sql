-- One row an object, day and event name: what was done. A company's row also says how much was done in it by
-- people nobody could name. A view: what counts, and how much, is looked up in the settings.

{{ config(materialized='view') }}

with enduser_days as (

    select * from {{ ref('int_usage__object_enduser_days') }}
    where
        object_type = 'company'
        and enduser_id <> ''
        -- who was forgotten is no object any more
        and enduser_id not like '{{ var("forgotten_prefix") }}%'

),

event_days as (

    select * from {{ ref('int_usage__object_event_days') }}

),

usage_events as (

    select * from {{ ref('stg_settings__usage_events') }}

),

unioned as (

    select
        'enduser' as object_type,
        enduser_id as object_id,
        activity_date,
        type,
        event,
        calls,
        1 as endusers,
        0 as unattributed,
        last_event_at
    from enduser_days
    union all
    select
        object_type,
        object_id,
        activity_date,
        type,
        event,
        calls,
        endusers,
        unattributed,
        last_event_at
    from event_days

),

final as (

    select
        unioned.object_type,
        unioned.object_id,
        unioned.activity_date,
        unioned.event,
        unioned.calls as activities,
        unioned.calls * coalesce(usage_events.weight, 1) as weight,
        unioned.endusers,
        unioned.unattributed,
        unioned.last_event_at as last_activity_at,
        unioned.type
    from unioned
    left join usage_events
        on unioned.type = usage_events.type and unioned.event = usage_events.event
    where coalesce(usage_events.counted, unioned.type = 'track')

)

select * from final
