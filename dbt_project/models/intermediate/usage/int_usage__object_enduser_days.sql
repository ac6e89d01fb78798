-- One row an object (company, asset, project …), enduser, day and event: its calls, whatever counts as usage. The
-- enduser is empty for calls whose company is known and nobody in it (unattributed; companies only).

{{ config(
    materialized='journaled',
    unique_key=['enduser_id', 'activity_date', 'object_type', 'object_id', 'event', 'type'],
    indexes=[{'columns': ['object_id', 'activity_date', 'event']}],
    meta={'merges': {'calls': 'count', 'last_event_at': 'max'}}
) }}

with calls as (

    select * from {{ new_or_all('int_usage__object_calls', told_by='int_usage__object_call_changes') }} as calls

),

final as (

    select
        enduser_id,
        activity_date,
        object_type,
        object_id,
        event,
        type,
        count(*) as calls,
        max(event_at) as last_event_at
    from calls
    group by enduser_id, activity_date, object_type, object_id, event, type

)

select * from final
