{#
    It is not what a SELECT of all calls makes of some but how that changes, of two sides at once. Calls of objects =
    calls ⋈ objects, so their change is (changed calls ⋈ objects as they were) + (calls ⋈ changed objects), and objects
    as they were = objects − changed objects. Signs multiply.
#}
-- How int_usage__object_calls changed since the last build: with sign -1 what was true of a call and an object, with
-- sign 1 what is. Empty in a build that looks at everything anyway.

{{ config(
    materialized='appended',
    meta={'is_signed': true}
) }}

with changes as (

    select * from {{ new_rows('int_identity__call_changes') }} as changes
    where {{ may_be_usage('changes') }}

),

mentions as not materialized (

    select * from {{ ref('int_identity__mentions') }}
    where object_key is not null

),

objects as not materialized (

    select * from {{ ref('int_identity__objects') }}

),

moved_objects as (

    select * from {{ journal('int_identity__objects') }} as moved

),

changed_mentions as (

    select
        changes.*,
        mentions.model,
        mentions.object_key
    from changes
    inner join mentions on changes.mention = mentions.mention
    where changes.enduser_id is not null

),

signed as (

    select
        journal_sign as sign,
        event_seq,
        'company' as object_type,
        company_id as object_id,
        coalesce(enduser_id, '') as enduser_id,
        event_date as activity_date,
        type,
        event,
        case when enduser_id is not null then event_at end as event_at
    from changes
    union all
    select
        changed.journal_sign as sign,
        changed.event_seq,
        objects.model as object_type,
        objects.object_id,
        changed.enduser_id,
        changed.event_date as activity_date,
        changed.type,
        changed.event,
        changed.event_at
    from changed_mentions as changed
    inner join objects
        on
            changed.model = objects.model
            and changed.company_id = objects.company_id
            and changed.object_key = objects.external_id
    union all
    select
        -changed.journal_sign * objects.journal_sign as sign,
        changed.event_seq,
        objects.model as object_type,
        objects.object_id,
        changed.enduser_id,
        changed.event_date as activity_date,
        changed.type,
        changed.event,
        changed.event_at
    from changed_mentions as changed
    inner join moved_objects as objects
        on
            changed.model = objects.model
            and changed.company_id = objects.company_id
            and changed.object_key = objects.external_id
    union all
    -- calls that name an object which came or went
    select
        objects.journal_sign as sign,
        calls.event_seq,
        objects.model as object_type,
        objects.object_id,
        resolution.enduser_id,
        resolution.event_date as activity_date,
        resolution.type,
        resolution.event,
        resolution.event_at
    from moved_objects as objects
    inner join mentions on objects.model = mentions.model and objects.external_id = mentions.object_key
    inner join {{ ref('stg_segment__calls') }} as calls on mentions.mention = calls.mention
    cross join lateral (
        select * from {{ ref('int_identity__call_resolutions') }} as resolutions
        where resolutions.event_seq = calls.event_seq
        -- keeps the look-up a look-up
        {{ fence() }}
    ) as resolution
    where
        resolution.company_id = objects.company_id
        and resolution.enduser_id is not null
        and {{ may_be_usage('resolution') }}

),

final as (

    select
        sum(sign)::smallint as journal_sign,
        event_seq,
        object_type,
        object_id,
        enduser_id,
        activity_date,
        type,
        event,
        event_at
    from signed
    group by event_seq, object_type, object_id, enduser_id, activity_date, type, event, event_at
    having sum(sign) <> 0

)

select * from final
