-- One row an alert with its opening and closing date, which are as-of dates; replaying any date gives the same ones.
-- An alert opens on the day when it can first be known: when the week is judged, or the 30th day without activity.

{{ config(
    materialized='journaled',
    unique_key=['object_type', 'object_id', 'kind', 'opened_on'],
    meta={'marks_gone': true}
) }}

{#-
    Keeps a mode: of the objects that are active now nearly none has another alert for it, and a look at all days of each
    costs more than a look for those that may.
-#}
{%- set mode = increment_mode() %}
{#- how many days after a week's first one it is judged #}
{%- set judged_on = 6 + days_until_judged() %}

with switches as (

    select * from {{ ref('stg_settings__switches') }}

),

all_days as not materialized (

    select * from {{ ref('int_usage__object_days') }}
    where
        activity_date <= {{ as_of_date() }}
        and {{ raises_alerts('object_type') }}

),

all_weeks as not materialized (

    select * from {{ ref('int_usage__object_weeks') }}

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

),

{%- if mode == 'changes' %}

moved_days as (

    select * from {{ journal('int_usage__object_days') }} as moved
    where
        activity_date <= {{ as_of_date() }}
        and {{ raises_alerts('object_type') }}

),

touched as (

    select
        object_type,
        object_id
    from {{ journal('int_usage__object_weeks') }} as moved
    union
    -- a day that is gone, or that begins, ends or divides a silence of 30 days, or changes what was done
    -- before one
    select
        moved_days.object_type,
        moved_days.object_id
    from moved_days
    where
        not exists (
            select 1 from all_days
            where
                all_days.object_type = moved_days.object_type
                and all_days.object_id = moved_days.object_id
                and all_days.activity_date = moved_days.activity_date
        )
        or not exists (
            select 1 from all_days
            where
                all_days.object_type = moved_days.object_type
                and all_days.object_id = moved_days.object_id
                and all_days.activity_date
                between moved_days.activity_date - 30 and moved_days.activity_date - 1
        )
        or (
            moved_days.activity_date <= {{ as_of_date() }} - 30
            and not exists (
                select 1 from all_days
                where
                    all_days.object_type = moved_days.object_type
                    and all_days.object_id = moved_days.object_id
                    and all_days.activity_date
                    between moved_days.activity_date + 1 and moved_days.activity_date + 30
            )
        )
    union
    -- late days count among the activities before a silence
    select
        moved_days.object_type,
        moved_days.object_id
    from moved_days
    inner join {{ this }} as earlier
        on
            moved_days.object_type = earlier.object_type
            and moved_days.object_id = earlier.object_id
    where earlier.kind = 'stopped' and moved_days.activity_date <= earlier.opened_on

),

object_days as (

    select all_days.* from all_days
    inner join touched using (object_type, object_id)

),

object_weeks as (

    select all_weeks.* from all_weeks
    inner join touched using (object_type, object_id)

),
{%- else %}

object_days as (

    select * from all_days

),

object_weeks as (

    select * from all_weeks

),
{%- endif %}

judged as (

    select
        object_weeks.*,
        case
            when
                object_weeks.active_weeks < thresholds.alert_min_active_weeks
                or object_weeks.baseline_weeks < thresholds.alert_baseline_weeks
                then null
            when
                abs(object_weeks.activities - object_weeks.baseline_median) <= thresholds.alert_min_activities
                or abs(object_weeks.activities - object_weeks.baseline_median)
                <= thresholds.alert_min_change * object_weeks.baseline_median
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
        max(week_start_date) over (partition by object_type, object_id) as last_week_date,
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
        min(week_start_date) + {{ judged_on }} as opened_on,
        -- when the first week is judged that is not like it; null while the last one still is
        case
            when max(week_start_date) < max(last_week_date) then max(week_start_date) + 7 + {{ judged_on }}
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
        from all_days as earlier
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

alerts as (

    select * from weekly_alerts
    union all
    select * from stopped_alerts

),

final as (

    select
        *,
        false as is_gone
    from alerts
    {%- if mode == 'changes' %}
    union all
    select
        earlier.*,
        true as is_gone
    from {{ this }} as earlier
    inner join touched using (object_type, object_id)
    left join alerts using (object_type, object_id, kind, opened_on)
    where alerts.kind is null
    {%- endif %}

)

select * from final
