-- One row an object and full week (Monday to Sunday, UTC) since its first activity, weeks without any
-- included, up to the last full week before the as-of date; with the weeks before it as its baseline.

{{ config(indexes=[{'columns': ['object_type', 'object_id', 'week_start_date'], 'unique': true}]) }}

with object_days as (

    select * from {{ ref('int_usage__object_days') }}

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

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

objects as (

    select
        object_type,
        object_id,
        min(week_start_date) as first_week_date
    from active_weeks
    group by object_type, object_id

),

calendar as (

    select
        objects.object_type,
        objects.object_id,
        week.start_at::date as week_start_date
    from objects
    cross join lateral generate_series(
        objects.first_week_date::timestamp,
        -- the week of the as-of date is full only on its Sunday
        date_trunc('week', {{ as_of_date() }} + 1)::timestamp - interval '7 days',
        interval '7 days'
    ) as week (start_at)

),

filled as (

    select
        calendar.*,
        coalesce(active_weeks.activities, 0) as activities
    from calendar
    left join active_weeks
        on
            calendar.object_type = active_weeks.object_type
            and calendar.object_id = active_weeks.object_id
            and calendar.week_start_date = active_weeks.week_start_date

),

final as (

    select
        filled.object_type,
        filled.object_id,
        filled.week_start_date,
        filled.activities,
        baseline.weeks as baseline_weeks,
        baseline.active_weeks + (filled.activities > 0)::integer as active_weeks,
        median.activities as baseline_median,
        deviation.activities as baseline_deviation
    from filled
    cross join thresholds
    cross join lateral (
        select
            array_agg(earlier.activities) filter (
                where
                    earlier.week_start_date
                    >= filled.week_start_date - 7 * thresholds.alert_baseline_weeks::integer
            ) as weekly,
            count(*) filter (
                where
                    earlier.week_start_date
                    >= filled.week_start_date - 7 * thresholds.alert_baseline_weeks::integer
            ) as weeks,
            count(*) filter (where earlier.activities > 0) as active_weeks
        from filled as earlier
        where
            earlier.object_type = filled.object_type
            and earlier.object_id = filled.object_id
            and earlier.week_start_date < filled.week_start_date
    ) as baseline
    cross join lateral (
        select (percentile_cont(0.5) within group (order by week.activities))::numeric as activities
        from unnest(baseline.weekly) as week (activities)
    ) as median
    cross join lateral (
        select
            (
                percentile_cont(0.5) within group (order by abs(week.activities - median.activities))
            )::numeric as activities
        from unnest(baseline.weekly) as week (activities)
    ) as deviation

)

select * from final
