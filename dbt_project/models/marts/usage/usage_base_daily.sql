-- One row an object type and day with activity: what all of them did together.

-- depends_on: {{ ref('int_usage__object_days') }}
{{ config(
    materialized='journaled',
    unique_key=['object_type', 'activity_date'],
    indexes=[{'columns': ['object_type', 'activity_date'], 'unique': true}],
    meta={'marks_gone': true}
) }}

{%- set mode = increment_mode() %}
{%- set days = journal('int_usage__object_days') if mode == 'changes' else ref('int_usage__object_days') %}

with object_days as (

    select
        *,
        {{ 'journal_sign' if mode == 'changes' else '1' }} as sign
    from {{ days }} as days

),

grouped as (

    select
        object_type,
        activity_date,
        sum(sign * activities)::bigint as activities,
        sum(sign)::bigint as objects
    from object_days
    group by object_type, activity_date

),

final as (

    select
        grouped.object_type,
        grouped.activity_date,
        {%- if mode == 'changes' %}
        grouped.activities + coalesce(earlier.activities, 0) as activities,
        grouped.objects + coalesce(earlier.objects, 0) as objects,
        grouped.objects + coalesce(earlier.objects, 0) = 0 as is_gone
        {%- else %}
        grouped.activities,
        grouped.objects,
        false as is_gone
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier
        on grouped.object_type = earlier.object_type and grouped.activity_date = earlier.activity_date
    {%- endif %}

)

select * from final
