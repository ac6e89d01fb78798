-- One row an object that was ever active: its calendar windows up to the as-of date, the last full day.

{{ config(indexes=[{'columns': ['object_type', 'object_id'], 'unique': true}]) }}

with object_windows as (

    select * from {{ ref('int_usage__object_windows') }}

),

endusers as (

    select * from {{ ref('endusers') }}

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

),

active_endusers as (

    -- an enduser's calls are those of its company, so its own windows say when it was active there
    select
        endusers.company_id as object_id,
        {%- for days in [1, 7, 30, 90] %}
        count(*) filter (where object_windows.activities_{{ days }}d > 0) as active_endusers_{{ days }}d
        {{- "," if not loop.last }}
        {%- endfor %}
    from object_windows
    inner join endusers on object_windows.object_id = endusers.enduser_id
    where object_windows.object_type = 'enduser'
    group by endusers.company_id

),

enduser_totals as (

    select
        company_id,
        count(*) as endusers_total
    from endusers
    -- who was created later is not of that day
    where
        company_id is not null
        and (origin = 'planhat' or {{ utc_date('first_seen_at') }} <= {{ as_of_date() }})
    group by company_id

),

changes as (

    select
        *,
        round((activities_7d - previous_7d)::numeric / nullif(previous_7d, 0), 4) as change_7d,
        round((activities_30d - previous_30d)::numeric / nullif(previous_30d, 0), 4) as change_30d
    from object_windows

),

final as (

    select
        -- object
        changes.object_type,
        changes.object_id,
        {{ as_of_date() }} as as_of_date,

        -- windows
        changes.activities_1d,
        changes.activities_7d,
        changes.activities_14d,
        changes.activities_30d,
        changes.activities_90d,
        changes.activities_total,
        changes.previous_7d,
        changes.previous_30d,
        changes.change_7d,
        changes.change_30d,
        changes.weight_total,

        -- Planhat's names for two of them
        changes.activities_14d as beat,
        changes.activities_total as experience,

        -- what it amounts to
        case
            when changes.activities_30d = 0 then 'stopped'
            when changes.first_activity_date > {{ as_of_date() }} - 30 then 'new'
            when
                -- null after 30 days without any: from nothing to something is beyond any share
                coalesce(changes.change_30d > thresholds.trend_min_change, true)
                and changes.activities_30d - changes.previous_30d > thresholds.trend_min_activities
                then 'up'
            when
                changes.change_30d < -thresholds.trend_min_change
                and changes.previous_30d - changes.activities_30d > thresholds.trend_min_activities
                then 'down'
            else 'flat'
        end as trend,
        changes.first_activity_date,
        changes.last_activity_at,

        -- companies only
        active_endusers.active_endusers_1d,
        active_endusers.active_endusers_7d,
        active_endusers.active_endusers_30d,
        active_endusers.active_endusers_90d,
        case when changes.object_type = 'company' then coalesce(enduser_totals.endusers_total, 0) end
            as endusers_total
    from changes
    cross join thresholds
    left join active_endusers
        on changes.object_type = 'company' and changes.object_id = active_endusers.object_id
    left join enduser_totals
        on changes.object_type = 'company' and changes.object_id = enduser_totals.company_id

)

select * from final
