-- One row an object that alerts are for, and week (Monday to Sunday, UTC) since its first activity, weeks without
-- any included, up to the last that is judged on the as-of date; with the weeks before it as its baseline.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['object_type', 'object_id', 'week_start_date'],
    indexes=[{'columns': ['object_type', 'object_id', 'week_start_date'], 'unique': true}],
    meta={'marks_gone': true, 'inputs': ['sync.thresholds', 'sync.switches', 'week']}
) }}

{%- set mode = increment_mode() %}
{%- set weeks = threshold('alert_baseline_weeks', 8) | int %}
{%- set this_week = judged_until() %}

with switches as (

    select * from {{ ref('stg_settings__switches') }}

),

all_days as not materialized (

    select * from {{ ref('int_usage__object_days') }}
    where
        activity_date < {{ this_week }}
        and {{ raises_alerts('object_type') }}

),

{%- if mode == 'changes' %}

touched as (

    select distinct
        object_type,
        object_id
    from {{ journal('int_usage__object_days') }} as moved
    where
        activity_date < {{ this_week }}
        and {{ raises_alerts('object_type') }}

),

object_days as (

    select all_days.* from all_days
    inner join touched using (object_type, object_id)

),
{%- else %}

object_days as (

    select * from all_days

),
{%- endif %}

active_weeks as (

    select
        object_type,
        object_id,
        date_trunc('week', activity_date)::date as week_start_date,
        sum(activities) as activities
    from object_days
    group by object_type, object_id, date_trunc('week', activity_date)

),

-- a week without activity is a week
quiet_weeks as (

    select
        objects.object_type,
        objects.object_id,
        week.start_at::date as week_start_date,
        0 as activities
    from (
        select
            object_type,
            object_id,
            min(week_start_date) as first_week_date
        from active_weeks
        group by object_type, object_id
    ) as objects
    cross join lateral generate_series(
        objects.first_week_date::timestamp,
        {{ this_week }}::timestamp - interval '7 days',
        interval '7 days'
    ) as week (start_at)

),

filled as (

    select
        object_type,
        object_id,
        week_start_date,
        sum(activities) as activities
    from (
        select * from active_weeks
        union all
        select * from quiet_weeks
    ) as weeks
    group by object_type, object_id, week_start_date

),

baselines as (

    select
        filled.*,
        array_agg(filled.activities) over baseline as weekly,
        count(*) over baseline as weeks,
        count(*) filter (where filled.activities > 0) over (
            partition by filled.object_type, filled.object_id
            order by filled.week_start_date
        ) as active_weeks
    from filled
    window baseline as (
        partition by filled.object_type, filled.object_id
        order by filled.week_start_date
        rows between {{ weeks }} preceding and 1 preceding
    )

),

medians as (

    select
        *,
        -- with fewer weeks before it nothing is judged
        case
            when weeks >= {{ weeks }}
                then (
                    select (percentile_cont(0.5) within group (order by week.activities))::numeric
                    from unnest(weekly) as week (activities)
                )
        end as baseline_median
    from baselines
    -- the next step names it for each of the weeks
    {{ fence() }}

),

weeks as (

    select
        object_type,
        object_id,
        week_start_date,
        activities,
        weeks as baseline_weeks,
        active_weeks,
        baseline_median,
        case
            when baseline_median is not null
                then (
                    select
                        (
                            percentile_cont(0.5) within group (order by abs(week.activities - baseline_median))
                        )::numeric
                    from unnest(weekly) as week (activities)
                )
        end as baseline_deviation
    from medians

),

final as (

    select
        *,
        false as is_gone
    from weeks
    {%- if mode == 'changes' %}
    union all
    select
        earlier.*,
        true as is_gone
    from {{ this }} as earlier
    inner join touched using (object_type, object_id)
    left join weeks using (object_type, object_id, week_start_date)
    where weeks.week_start_date is null
    {%- endif %}

)

select * from final
