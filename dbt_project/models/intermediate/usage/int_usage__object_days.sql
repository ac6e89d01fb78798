-- One row an object and day with activity: what trends, alerts and health are made of.

{{ config(
    materialized='journaled',
    unique_key=['object_id', 'object_type', 'activity_date'],
    meta={
        'touched_by': {
            'int_usage__object_enduser_days': ['enduser_id', "'enduser'", 'activity_date'],
            'int_usage__object_event_days': ['object_id', 'object_type', 'activity_date'],
        },
    }
) }}

with usage_daily as (

    select * from {{ ref('usage_daily') }}
    where activities > 0

),

final as (

    select
        object_type,
        object_id,
        activity_date,
        sum(activities)::bigint as activities,
        sum(weight) as weight,
        max(last_activity_at) as last_activity_at
    from usage_daily
    group by object_id, object_type, activity_date

)

select * from final
