-- One row a day, source, type, event and outcome (resolved, or the reason): how many calls, and how many of them
-- with a known company. Their sum is every call that landed.

-- depends_on: {{ ref('int_identity__call_changes') }}
-- depends_on: {{ ref('int_identity__call_resolutions') }}
{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['day', 'source', 'type', 'event', 'outcome'],
    indexes=[{'columns': ['day', 'source', 'type', 'event', 'outcome'], 'unique': true}],
    meta={'marks_gone': true}
) }}

{%- set mode = increment_mode() %}
{%- set calls = ref('int_identity__call_resolutions') %}
{%- if mode == 'changes' %}{% set calls = new_rows('int_identity__call_changes') %}{% endif %}

with calls as (

    select
        event_date as day,
        source,
        type,
        coalesce(event, '') as event,
        coalesce(reason, 'resolved') as outcome,
        company_id is not null as has_company,
        {{ 'journal_sign' if mode == 'changes' else '1' }} as sign
    from {{ calls }} as calls

),

grouped as (

    select
        day,
        source,
        type,
        event,
        outcome,
        sum(sign)::bigint as events,
        coalesce(sum(sign) filter (where has_company), 0)::bigint as events_with_company
    from calls
    group by day, source, type, event, outcome

),

final as (

    select
        grouped.day,
        grouped.source,
        grouped.type,
        grouped.event,
        grouped.outcome,
        {%- if mode == 'changes' %}
        grouped.events + coalesce(earlier.events, 0) as events,
        grouped.events_with_company + coalesce(earlier.events_with_company, 0) as events_with_company,
        grouped.events + coalesce(earlier.events, 0) = 0 as is_gone
        {%- else %}
        grouped.events,
        grouped.events_with_company,
        false as is_gone
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier
        on
            grouped.day = earlier.day
            and grouped.source = earlier.source
            and grouped.type = earlier.type
            and grouped.event = earlier.event
            and grouped.outcome = earlier.outcome
    {%- endif %}

)

select * from final
