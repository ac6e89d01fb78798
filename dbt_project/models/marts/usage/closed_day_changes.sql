-- One row a build, company or enduser, and day that was over already when the build changed it: what was
-- said before, what is said now, and why. Rows are never changed, and stay through a full rebuild.

-- depends_on: {{ ref('int_usage__object_days') }}
-- depends_on: {{ ref('int_identity__call_changes') }}
{{ config(
    materialized='appended',
    keeps_rows=true,
    full_refresh=false,
    indexes=[{'columns': ['activity_date', 'object_type', 'object_id']}]
) }}

{%- set mode = increment_mode() %}

with moved_days as (

    {%- if mode == 'create' %}
    select
        0 as journal_sign,
        object_days.*
    from {{ ref('int_usage__object_days') }} as object_days
    where false
    {%- else %}
    select * from {{ journal('int_usage__object_days') }} as moved
    {%- endif %}

),

call_changes as (

    {%- if mode == 'create' %}
    select * from {{ ref('int_identity__call_changes') }}
    where false
    {%- else %}
    select * from {{ new_rows('int_identity__call_changes') }} as changes
    {%- endif %}

),

days as (

    select
        object_type,
        object_id,
        activity_date,
        -- a day may have changed more than once since: what counts is the sum of it all
        coalesce(sum(activities) filter (where journal_sign < 0), 0)::bigint as taken_away,
        coalesce(sum(activities) filter (where journal_sign > 0), 0)::bigint as put_in_place
    from moved_days
    where
        object_type in ('company', 'enduser')
        and activity_date < (current_timestamp at time zone 'UTC')::date
    group by object_type, object_id, activity_date

),

calls as (

    select
        event_seq,
        event_date,
        company_id,
        enduser_id,
        journal_sign,
        -- a call that was there before has a row that is taken away
        min(journal_sign) over (partition by event_seq) > 0 as is_late
    from call_changes
    where type in ('track', 'page', 'screen')

),

causes as (

    select
        object_type,
        object_id,
        event_date,
        count(*) filter (where calls.is_late) as late_calls,
        count(*) filter (where not calls.is_late) as moved_calls
    from calls
    cross join lateral (
        values ('company', calls.company_id), ('enduser', calls.enduser_id)
    ) as touched (object_type, object_id)
    where touched.object_id is not null
    group by object_type, object_id, event_date

),

final as (

    select
        days.object_type,
        days.object_id,
        days.activity_date,
        days.taken_away as activities_before,
        days.put_in_place as activities_after,
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
    where days.taken_away <> days.put_in_place

)

select * from final
