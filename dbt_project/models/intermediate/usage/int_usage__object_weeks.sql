-- One row an object that alerts are for, and week (Monday to Sunday, UTC) since its first activity, weeks without
-- any included, up to the last that is judged on the as-of date; with the weeks before it as its baseline.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['object_id', 'object_type', 'week_start_date'],
    meta={
        'touched_by': {'int_usage__object_days': ['object_id', 'object_type']},
    }
) }}

{%- set weeks = threshold('alert_baseline_weeks', 8) | int %}
{%- set this_week = judged_until() %}

with switches as (

    select * from {{ ref('stg_settings__switches') }}

),

object_days as (

    select * from {{ ref('int_usage__object_days') }}
    where
        activity_date < {{ this_week }}
        and {{ raises_alerts('object_type') }}

),

active_weeks as (

    select
        object_type,
        object_id,
        date_trunc('week', activity_date)::date as week_start_date,
        sum(activities) as activities
    from object_days
    group by object_type, object_id, date_trunc('week', activity_date)

),

followed as (

    select
        *,
        lead(week_start_date) over (
            partition by object_type, object_id
            order by week_start_date
        ) as next_week_date
    from active_weeks

),

-- a week without activity is a week
filled as (

    select
        followed.object_type,
        followed.object_id,
        week.start_at::date as week_start_date,
        case when week.start_at = followed.week_start_date then followed.activities else 0 end as activities
    from followed
    cross join lateral generate_series(
        followed.week_start_date::timestamp,
        coalesce(followed.next_week_date, {{ this_week }})::timestamp - interval '7 days',
        interval '7 days'
    ) as week (start_at)

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

final as (

    select
        baselines.object_type,
        baselines.object_id,
        baselines.week_start_date,
        baselines.activities,
        baselines.weeks as baseline_weeks,
        baselines.active_weeks,
        middle.activities as baseline_median,
        spread.activities as baseline_deviation
    from baselines
    -- with fewer weeks before it nothing is judged
    cross join lateral (
        select (percentile_cont(0.5) within group (order by week.activities))::numeric as activities
        from unnest(baselines.weekly) as week (activities)
        where baselines.weeks >= {{ weeks }}
    ) as middle
    cross join lateral (
        select
            (percentile_cont(0.5) within group (order by abs(week.activities - middle.activities)))::numeric
                as activities
        from unnest(baselines.weekly) as week (activities)
        where baselines.weeks >= {{ weeks }}
    ) as spread

)

select * from final
