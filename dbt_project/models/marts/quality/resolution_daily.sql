-- One row a source, type, reason and day: what became of the calls, in numbers small enough to draw.

-- depends_on: {{ ref('int_identity__call_changes') }}
{{ config(
    materialized='journaled',
    unique_key=['day', 'source', 'type', 'outcome'],
    marks_gone=true,
    indexes=[{'columns': ['day', 'source', 'type', 'outcome'], 'unique': true}]
) }}

{%- set mode = increment_mode() %}

with resolutions as (

    select
        *,
        coalesce(reason, 'resolved') as outcome,
        {{ 'journal_sign' if mode == 'changes' else '1' }} as sign
    from {{ new_rows('int_identity__call_changes') if mode == 'changes' else ref('int_identity__call_resolutions') }} as calls

),

grouped as (

    select
        event_date as day,
        source,
        type,
        outcome,
        sum(sign)::bigint as events
    from resolutions
    group by event_date, source, type, outcome

),

final as (

    select
        grouped.day,
        grouped.source,
        grouped.type,
        -- null: resolved
        nullif(grouped.outcome, 'resolved') as reason,
        grouped.outcome,
        {%- if mode == 'changes' %}
        grouped.events + coalesce(earlier.events, 0) as events,
        grouped.events + coalesce(earlier.events, 0) = 0 as is_gone
        {%- else %}
        grouped.events,
        false as is_gone
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier
        on
            grouped.day = earlier.day
            and grouped.source = earlier.source
            and grouped.type = earlier.type
            and grouped.outcome = earlier.outcome
    {%- endif %}

)

select * from final
