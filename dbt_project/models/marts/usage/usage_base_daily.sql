-- One row an object type and day with activity: what all of them did together.

{{ config(
    materialized='journaled',
    unique_key=['object_type', 'activity_date'],
    meta={'merges': {'activities': 'sum', 'objects': 'count'}}
) }}

with object_days as (

    select * from {{ new_or_all('int_usage__object_days') }} as object_days

),

final as (

    select
        object_type,
        activity_date,
        sum(activities)::bigint as activities,
        count(*) as objects
    from object_days
    group by object_type, activity_date

)

select * from final
