-- One row an object and day with activity: what trends, alerts and health are made of.

-- depends_on: {{ ref('int_usage__object_enduser_days') }}
-- depends_on: {{ ref('int_usage__object_event_days') }}
{{ config(
    materialized='journaled',
    unique_key=['object_type', 'object_id', 'activity_date'],
    indexes=[{'columns': ['object_id', 'object_type', 'activity_date'], 'unique': true}],
    meta={'marks_gone': true, 'inputs': ['sync.usage_events']}
) }}

{%- set mode = increment_mode() %}

with usage_daily as (

    select * from {{ ref('usage_daily') }}
    where activities > 0

),

{%- if mode == 'changes' %}

enduser_days as (

    select * from {{ journal('int_usage__object_enduser_days') }} as moved
    where object_type = 'company' and enduser_id <> ''

),

event_days as (

    select * from {{ journal('int_usage__object_event_days') }} as moved

),

touched as (

    select
        'enduser' as object_type,
        enduser_id as object_id,
        activity_date
    from enduser_days
    union
    select
        object_type,
        object_id,
        activity_date
    from event_days

),

counted as (

    select
        touched.*,
        usage.activities,
        usage.weight,
        usage.last_activity_at
    from touched
    left join lateral (
        select * from usage_daily
        where
            usage_daily.object_type = touched.object_type
            and usage_daily.object_id = touched.object_id
            and usage_daily.activity_date = touched.activity_date
        -- keeps the look-up a look-up
        {{ fence() }}
    ) as usage on true

),
{%- else %}

counted as (

    select * from usage_daily

),
{%- endif %}

final as (

    select
        object_type,
        object_id,
        activity_date,
        sum(activities)::bigint as activities,
        sum(weight) as weight,
        max(last_activity_at) as last_activity_at,
        count(activities) = 0 as is_gone
    from counted
    group by object_id, object_type, activity_date

)

select * from final
