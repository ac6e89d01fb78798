-- One row a reason, source, type, keyset, anonymous id and day: the calls that are unresolved for it. Receipts
-- are ours and are not listed.

{%- set key = ['reason', 'source', 'type', 'keyset', 'anonymous_id', 'day'] %}

-- depends_on: {{ ref('int_identity__call_changes') }}
{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['reason', 'source', 'type', 'keyset', 'anonymous_id', 'day'],
    indexes=[
        {'columns': ['keyset', 'day', 'reason', 'source', 'type', 'anonymous_id'], 'unique': true},
        {'columns': ['reason', 'day']},
    ],
    meta={'marks_gone': true}
) }}

{%- set mode = increment_mode() %}
{%- set calls = ref('int_identity__call_resolutions') %}
{%- if mode == 'changes' %}{% set calls = new_rows('int_identity__call_changes') %}{% endif %}
{#- one row for all who never said who they are -#}
{%- set anonymous_id %}case when reason = 'no_identity' then '' else coalesce(anonymous_id, '') end{% endset %}

with calls as (

    select
        *,
        event_date as day,
        {{ anonymous_id }} as shown_anonymous_id
    from {{ calls }} as calls
    where
        reason is not null
        and reason <> 'receipt'
        {%- if mode != 'changes' %}
        -- says the same of the keysets, before calls are joined to them
        and is_resolved is not true
        {%- endif %}

),

grouped as (

    select
        reason,
        source,
        type,
        keyset,
        shown_anonymous_id as anonymous_id,
        day,
        {%- if mode == 'changes' %}
        sum(journal_sign) as events,
        bool_or(journal_sign < 0) as has_leavers,
        min(event_at) filter (where journal_sign > 0) as first_seen_at,
        max(event_at) filter (where journal_sign > 0) as last_seen_at,
        min(message_id collate "C") filter (where journal_sign > 0) as sample_message_id
        {%- else %}
        count(*) as events,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        min(message_id collate "C") as sample_message_id
        {%- endif %}
    from calls
    group by reason, source, type, keyset, shown_anonymous_id, day

),
{%- if mode == 'changes' %}

-- where a call has left, the first and the last are looked for again
final as (

    select
        {%- for column in key %}
        grouped.{{ column }},
        {%- endfor %}
        coalesce(earlier.events, 0) + grouped.events as events,
        case
            when grouped.has_leavers then again.first_seen_at
            else least(earlier.first_seen_at, grouped.first_seen_at)
        end as first_seen_at,
        case
            when grouped.has_leavers then again.last_seen_at
            else greatest(earlier.last_seen_at, grouped.last_seen_at)
        end as last_seen_at,
        case
            when grouped.has_leavers then again.sample_message_id
            else least(earlier.sample_message_id collate "C", grouped.sample_message_id collate "C")
        end as sample_message_id,
        coalesce(earlier.events, 0) + grouped.events = 0 as is_gone
    from grouped
    left join {{ this }} as earlier
        on {{ same_key('grouped', 'earlier', key) }}
    left join lateral (
        select
            min(event_at) as first_seen_at,
            max(event_at) as last_seen_at,
            min(message_id collate "C") as sample_message_id
        from {{ ref('int_identity__call_resolutions') }} as resolutions
        where
            grouped.has_leavers
            and resolutions.keyset = grouped.keyset
            and resolutions.event_date = grouped.day
            and resolutions.reason = grouped.reason
            and resolutions.source = grouped.source
            and resolutions.type = grouped.type
            and grouped.anonymous_id
            = case when resolutions.reason = 'no_identity' then '' else coalesce(resolutions.anonymous_id, '') end
    ) as again on true

)
{%- else %}

final as (

    select
        *,
        false as is_gone
    from grouped

)
{%- endif %}

select * from final
