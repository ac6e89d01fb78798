{%- set key = ['enduser_id', 'activity_date', 'object_type', 'object_id', 'event', 'type'] %}
-- One row an object (company, asset, project …), enduser, day and event: its calls, whatever counts as usage. The
-- enduser is empty for calls whose company is known and nobody in it (unattributed; companies only).

-- depends_on: {{ ref('int_identity__call_changes') }}
-- depends_on: {{ ref('stg_segment__calls') }}
{{ config(
    materialized='journaled',
    unique_key=['enduser_id', 'activity_date', 'object_type', 'object_id', 'event', 'type'],
    indexes=[
        {'columns': ['enduser_id', 'activity_date', 'object_type', 'object_id', 'event', 'type'], 'unique': true},
        {'columns': ['object_id', 'activity_date', 'event']},
    ],
    meta={'marks_gone': true}
) }}

{%- set mode = increment_mode() %}
{%- set is_usage -%}
type in ('track', 'page', 'screen') and company_id is not null
{%- endset %}

with mentions as not materialized (

    select * from {{ ref('int_identity__mentions') }}
    where object_key is not null

),

objects as not materialized (

    select * from {{ ref('int_identity__objects') }}

),

{%- if mode == 'changes' %}

changes as (

    select * from {{ new_rows('int_identity__call_changes') }} as changes
    where {{ is_usage }}

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
    where changes.reason is null

),

signed as (

    select
        journal_sign as sign,
        'company' as object_type,
        company_id as object_id,
        coalesce(enduser_id, '') as enduser_id,
        event_date as activity_date,
        type,
        event,
        event_at
    from changes
    union all
    select
        changed.journal_sign as sign,
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
        and resolution.reason is null
        and resolution.type in ('track', 'page', 'screen')

),

deltas as (

    select
        {{ key | join(', ') }},
        sum(sign) as calls,
        max(event_at) filter (where sign > 0) as last_event_at,
        bool_or(sign < 0) as has_leavers
    from signed
    group by {{ key | join(', ') }}

),

-- where a call has left, the last one is looked for again
final as (

    select
        {%- for column in key %}
        deltas.{{ column }},
        {%- endfor %}
        coalesce(earlier.calls, 0) + deltas.calls as calls,
        case
            when deltas.enduser_id = '' then null
            when deltas.has_leavers then recounted.last_event_at
            else greatest(earlier.last_event_at, deltas.last_event_at)
        end as last_event_at,
        coalesce(earlier.calls, 0) + deltas.calls = 0 as is_gone
    from deltas
    left join {{ this }} as earlier
        on {{ same_key('deltas', 'earlier', key) }}
    left join lateral (
        select max(resolutions.event_at) as last_event_at
        from {{ ref('int_identity__call_resolutions') }} as resolutions
        where
            deltas.has_leavers
            and deltas.enduser_id <> ''
            and resolutions.enduser_id = deltas.enduser_id
            and resolutions.event_date = deltas.activity_date
            and resolutions.type = deltas.type
            and resolutions.event = deltas.event
            and resolutions.reason is null
            and (
                deltas.object_type = 'company'
                or exists (
                    select 1
                    from mentions
                    inner join objects
                        on
                            mentions.model = objects.model
                            and mentions.object_key = objects.external_id
                            and objects.company_id = resolutions.company_id
                    where
                        mentions.mention = resolutions.mention
                        and objects.object_id = deltas.object_id
                )
            )
    ) as recounted on true

)
{%- else %}

-- read twice, each time with no more columns than it needs
resolutions as not materialized (

    select * from {{ ref('int_identity__call_resolutions') }}
    where {{ is_usage }}

),

calls as (

    select
        'company' as object_type,
        company_id as object_id,
        coalesce(enduser_id, '') as enduser_id,
        event_date as activity_date,
        type,
        event,
        event_at
    from resolutions
    union all
    select
        objects.model as object_type,
        objects.object_id,
        resolutions.enduser_id,
        resolutions.event_date as activity_date,
        resolutions.type,
        resolutions.event,
        resolutions.event_at
    from resolutions
    inner join mentions on resolutions.mention = mentions.mention
    inner join objects
        on
            mentions.model = objects.model
            and resolutions.company_id = objects.company_id
            and mentions.object_key = objects.external_id
    where
        resolutions.mention is not null
        -- of usage, what is resolved has an enduser, and nothing else has: of that, Postgres knows how much there is
        and resolutions.enduser_id is not null

),

final as (

    select
        {{ key | join(', ') }},
        count(*) as calls,
        case when enduser_id <> '' then max(event_at) end as last_event_at,
        false as is_gone
    from calls
    group by {{ key | join(', ') }}

)
{%- endif %}

select * from final
