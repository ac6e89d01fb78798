-- One row an object, day and event name: what was done. A company's row also says how much was done in it by
-- people nobody could name.

{{ config(indexes=[{'columns': ['object_type', 'object_id', 'activity_date']}]) }}

with object_calls as (

    select * from {{ ref('int_usage__object_calls') }}

),

calls as (

    select * from {{ ref('int_usage__calls') }}
    where is_unattributed

),

attributed as (

    select
        object_type,
        object_id,
        event_date as activity_date,
        event,
        count(*) as activities,
        sum(weight) as weight,
        count(distinct enduser_id) as endusers,
        0 as unattributed
    from object_calls
    group by object_type, object_id, event_date, event

),

unattributed as (

    select
        'company' as object_type,
        company_id as object_id,
        event_date as activity_date,
        event,
        0 as activities,
        0 as weight,
        0 as endusers,
        count(*) as unattributed
    from calls
    group by company_id, event_date, event

),

unioned as (

    select * from attributed
    union all
    select * from unattributed

),

final as (

    select
        object_type,
        object_id,
        activity_date,
        event,
        sum(activities)::bigint as activities,
        sum(weight) as weight,
        sum(endusers)::bigint as endusers,
        sum(unattributed)::bigint as unattributed
    from unioned
    group by object_type, object_id, activity_date, event

)

select * from final
