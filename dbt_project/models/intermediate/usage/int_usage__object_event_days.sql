-- One row an object other than an enduser, day and event: how many calls of how many endusers, and how many calls
-- of nobody known.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['object_id', 'object_type', 'activity_date', 'type', 'event'],
    meta={
        'touched_by': {
            'int_usage__object_enduser_days': ['object_id', 'object_type', 'activity_date', 'type', 'event'],
        },
    }
) }}

with enduser_days as (

    select * from {{ ref('int_usage__object_enduser_days') }}

),

final as (

    select
        object_id,
        object_type,
        activity_date,
        type,
        event,
        coalesce(sum(calls) filter (where enduser_id <> ''), 0)::bigint as calls,
        count(*) filter (where enduser_id <> '') as endusers,
        coalesce(sum(calls) filter (where enduser_id = ''), 0)::bigint as unattributed,
        max(last_event_at) as last_event_at
    from enduser_days
    group by object_id, object_type, activity_date, type, event

)

select * from final
