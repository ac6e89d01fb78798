-- One row an object that was ever active up to the as-of date: its calendar windows, that day included.

{{ config(
    materialized='journaled',
    unique_key=['object_type', 'object_id'],
    indexes=[{'columns': ['object_type', 'object_id'], 'unique': true}],
    meta={'marks_gone': true, 'inputs': ['as_of']}
) }}

{%- set mode = increment_mode() %}

with object_days as (

    select * from {{ ref('int_usage__object_days') }}
    where activity_date <= {{ as_of_date() }}

),

{%- if mode == 'changes' %}

touched as (

    select distinct
        object_type,
        object_id
    from {{ journal('int_usage__object_days') }} as moved

),

days as (

    select
        touched.object_type,
        touched.object_id,
        object_days.activity_date,
        object_days.activities,
        object_days.weight,
        object_days.last_activity_at
    from touched
    left join lateral (
        select * from object_days
        where object_days.object_type = touched.object_type and object_days.object_id = touched.object_id
        -- keeps the look-up a look-up
        {{ fence() }}
    ) as object_days on true

),
{%- else %}

days as (

    select * from object_days

),
{%- endif %}

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
        ), 0)::bigint as previous_{{ days }}d,
        {%- endfor %}
        count(activities) = 0 as is_gone
    from days
    group by object_type, object_id

)

select * from final
