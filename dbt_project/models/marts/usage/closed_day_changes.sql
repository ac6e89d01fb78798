-- One row a build, company or enduser, and day that was over already when the build changed it: what was
-- said before, what is said now, and why. Rows are never changed, and stay through a full rebuild.

{{ config(
    materialized='appended',
    full_refresh=false,
    indexes=[{'columns': ['activity_date', 'object_type', 'object_id']}],
    meta={'keeps_rows': true}
) }}

with moved_days as (

    select * from {{ journal('int_usage__object_days') }} as moved

),

call_changes as (

    select * from {{ new_rows('int_identity__call_changes') }} as changes

),

-- a build before this one may have failed here: then a day has moved more than once, and what counts is what
-- the first of them took away and the last put in its place
spans as (

    select
        *,
        min(journal_build) over (partition by object_type, object_id, activity_date) as first_build,
        max(journal_build) over (partition by object_type, object_id, activity_date) as last_build
    from moved_days
    where
        object_type in ('company', 'enduser')
        and activity_date < (current_timestamp at time zone 'UTC')::date

),

days as (

    select
        object_type,
        object_id,
        activity_date,
        coalesce(
            sum(activities) filter (where journal_build = first_build and journal_sign < 0), 0
        )::bigint as activities_before,
        coalesce(
            sum(activities) filter (where journal_build = last_build and journal_sign > 0), 0
        )::bigint as activities_after
    from spans
    group by object_type, object_id, activity_date

),

calls as (

    select
        event_seq,
        event_date,
        company_id,
        enduser_id,
        journal_sign,
        -- a call that was there before is first of all taken away
        first_value(journal_sign) over (partition by event_seq order by build_id, journal_sign) > 0
            as is_late
    from call_changes
    where type in ('track', 'page', 'screen')

),

-- each call once an object that it came to or left
causing_calls as (

    select
        object_type,
        object_id,
        calls.event_date,
        calls.is_late
    from calls
    cross join lateral (
        values ('company', calls.company_id), ('enduser', calls.enduser_id)
    ) as touched (object_type, object_id)
    where object_id is not null
    group by object_type, object_id, calls.event_date, calls.event_seq, calls.is_late
    having sum(calls.journal_sign) <> 0

),

causes as (

    select
        object_type,
        object_id,
        event_date,
        count(*) filter (where is_late) as late_calls,
        count(*) filter (where not is_late) as moved_calls
    from causing_calls
    group by object_type, object_id, event_date

),

final as (

    select
        days.object_type,
        days.object_id,
        days.activity_date,
        days.activities_before,
        days.activities_after,
        coalesce(causes.late_calls, 0) as late_calls,
        coalesce(causes.moved_calls, 0) as moved_calls,
        case
            when causes.late_calls > 0 and causes.moved_calls > 0 then 'late_calls_and_matched_anew'
            when causes.late_calls > 0 then 'late_calls'
            when causes.moved_calls > 0 then 'matched_anew'
            else 'settings'
        end as reason,
        current_timestamp as changed_at
    from days
    left join causes
        on
            days.object_type = causes.object_type
            and days.object_id = causes.object_id
            and days.activity_date = causes.event_date
    where days.activities_before <> days.activities_after

)

select * from final
