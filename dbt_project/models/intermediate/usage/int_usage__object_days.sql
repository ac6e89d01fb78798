-- One row an object and day with activity: what trends, alerts and health are made of. Days after the
-- as-of date are not there yet.

{{ config(indexes=[{'columns': ['object_type', 'object_id', 'activity_date'], 'unique': true}]) }}

with object_calls as (

    select * from {{ ref('int_usage__object_calls') }}

),

final as (

    select
        object_type,
        object_id,
        event_date as activity_date,
        count(*) as activities,
        sum(weight) as weight,
        max(event_at) as last_activity_at
    from object_calls
    where event_date <= {{ as_of_date() }}
    group by object_type, object_id, event_date

)

select * from final
