-- One row an object that was ever active up to the as-of date: its calendar windows, that day included.

{{ config(
    materialized='journaled',
    unique_key=['object_id', 'object_type'],
    meta={'touched_by': {'int_usage__object_days': ['object_id', 'object_type']}}
) }}

with object_days as (

    select * from {{ ref('int_usage__object_days') }}
    where activity_date <= {{ as_of_date() }}

),

final as (

    select
        object_type,
        object_id,
        {{ as_of_date() }} as as_of_date,
        min(activity_date) as first_activity_date,
        max(last_activity_at) as last_activity_at,
        sum(activities)::bigint as activities_total,
        sum(weight) as weight_total,
        {%- for days in [1, 7, 14, 30, 90] %}
        coalesce(sum(activities) filter (
            where activity_date > {{ as_of_date() }} - {{ days }}
        ), 0)::bigint as activities_{{ days }}d,
        {%- endfor %}
        {%- for days in [7, 30] %}
        coalesce(sum(activities) filter (
            where
                activity_date > {{ as_of_date() }} - {{ 2 * days }}
                and activity_date <= {{ as_of_date() }} - {{ days }}
        ), 0)::bigint as previous_{{ days }}d{{ "," if not loop.last }}
        {%- endfor %}
    from object_days
    group by object_type, object_id

)

select * from final
