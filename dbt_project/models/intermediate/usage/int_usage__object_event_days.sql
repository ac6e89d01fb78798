-- One row an object other than an enduser, day and event: how many calls of how many endusers, and how many calls
-- of nobody known.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['object_id', 'object_type', 'activity_date', 'type', 'event'],
    indexes=[{'columns': ['object_id', 'object_type', 'activity_date', 'type', 'event'], 'unique': true}],
    meta={'marks_gone': true}
) }}

{%- set mode = increment_mode() %}
{%- set key = ['object_id', 'object_type', 'activity_date', 'type', 'event'] %}

with enduser_days as (

    select * from {{ ref('int_usage__object_enduser_days') }}

),

{%- if mode == 'changes' %}

touched as (

    select distinct {{ key | join(', ') }}
    from {{ journal('int_usage__object_enduser_days') }} as moved

),

counted as (

    select
        {%- for column in key %}
        touched.{{ column }},
        {%- endfor %}
        enduser_days.enduser_id,
        enduser_days.calls,
        enduser_days.last_event_at
    from touched
    left join enduser_days
        on {{ same_key('touched', 'enduser_days', key) }}

),
{%- else %}

counted as (

    select * from enduser_days

),
{%- endif %}

final as (

    select
        {{ key | join(', ') }},
        coalesce(sum(calls) filter (where enduser_id <> ''), 0)::bigint as calls,
        count(*) filter (where enduser_id <> '') as endusers,
        coalesce(sum(calls) filter (where enduser_id = ''), 0)::bigint as unattributed,
        max(last_event_at) as last_event_at,
        count(enduser_id) = 0 as is_gone
    from counted
    group by {{ key | join(', ') }}

)

select * from final
