-- One row an alert with its opening and closing date; replaying any date gives the same ones. An alert opens
-- on the day when it can first be known: the Monday after the week, or the 30th day without activity.

with object_weeks as (

    select * from {{ ref('int_usage__object_weeks') }}

),

object_days as (

    select * from {{ ref('int_usage__object_days') }}

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

),

judged as (

    select
        object_weeks.*,
        case
            when
                object_weeks.active_weeks < thresholds.alert_min_active_weeks
                or object_weeks.baseline_weeks < thresholds.alert_baseline_weeks
                then null
            when
                object_weeks.activities
                < object_weeks.baseline_median
                - thresholds.alert_deviations * object_weeks.baseline_deviation
                then 'drop'
            when
                object_weeks.activities
                > object_weeks.baseline_median
                + thresholds.alert_deviations * object_weeks.baseline_deviation
                then 'spike'
        end as kind
    from object_weeks
    cross join thresholds

),

-- weeks of one kind in a row are one alert
numbered as (

    select
        *,
        row_number() over (partition by object_type, object_id order by week_start_date)
        - row_number() over (partition by object_type, object_id, kind order by week_start_date)
            as island
    from judged

),

weekly_alerts as (

    select
        object_type,
        object_id,
        kind,
        min(week_start_date) + 7 as opened_on,
        -- the Monday after the first week that is not like it; null while the last full week still is
        case
            when
                max(week_start_date) < (
                    select max(latest.week_start_date) from numbered as latest
                    where
                        latest.object_type = numbered.object_type
                        and latest.object_id = numbered.object_id
                )
                then max(week_start_date) + 14
        end as closed_on,
        (array_agg(activities order by week_start_date))[1] as activities,
        (array_agg(baseline_median order by week_start_date))[1] as expected,
        (array_agg(baseline_deviation order by week_start_date))[1] as deviation
    from numbered
    where kind is not null
    group by object_type, object_id, kind, island

),

silences as (

    select
        object_type,
        object_id,
        activity_date as last_activity_date,
        lead(activity_date) over (partition by object_type, object_id order by activity_date)
            as next_activity_date
    from object_days

),

stopped_alerts as (

    select
        silences.object_type,
        silences.object_id,
        'stopped' as kind,
        silences.last_activity_date + 30 as opened_on,
        silences.next_activity_date as closed_on,
        0 as activities,
        before.activities as expected,
        null::numeric as deviation
    from silences
    cross join thresholds
    cross join lateral (
        select
            count(distinct date_trunc('week', earlier.activity_date)) as active_weeks,
            coalesce(sum(earlier.activities) filter (
                where earlier.activity_date > silences.last_activity_date - 30
            ), 0) as activities
        from object_days as earlier
        where
            earlier.object_type = silences.object_type
            and earlier.object_id = silences.object_id
            and earlier.activity_date <= silences.last_activity_date
    ) as before
    where
        coalesce(silences.next_activity_date, {{ as_of_date() }} + 1)
        > silences.last_activity_date + 30
        and before.active_weeks >= thresholds.alert_min_active_weeks

),

final as (

    select * from weekly_alerts
    union all
    select * from stopped_alerts

)

select * from final
