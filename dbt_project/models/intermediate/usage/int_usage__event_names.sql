-- One row an event name ever received in a track, page or screen call, receipts aside.

-- depends_on: {{ ref('int_identity__call_changes') }}
{{ config(
    materialized='journaled',
    unique_key=['type', 'event'],
    marks_gone=true,
    indexes=[{'columns': ['type', 'event'], 'unique': true}]
) }}

{%- set mode = increment_mode() %}

with resolutions as (

    select
        *,
        {{ 'journal_sign' if mode == 'changes' else '1' }} as sign
    from {{ new_rows('int_identity__call_changes') if mode == 'changes' else ref('int_identity__call_resolutions') }} as calls
    where type in ('track', 'page', 'screen') and reason is distinct from 'receipt'

),

grouped as (

    select
        type,
        event,
        sum(sign)::bigint as calls,
        coalesce(sum(sign) filter (where reason is null), 0)::bigint as resolved_calls,
        -- a call never changes its name or its time
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        min(received_at) as first_received_at
    from resolutions
    group by type, event

),

final as (

    select
        grouped.type,
        grouped.event,
        {%- if mode == 'changes' %}
        grouped.calls + coalesce(earlier.calls, 0) as calls,
        grouped.resolved_calls + coalesce(earlier.resolved_calls, 0) as resolved_calls,
        least(grouped.first_seen_at, earlier.first_seen_at) as first_seen_at,
        greatest(grouped.last_seen_at, earlier.last_seen_at) as last_seen_at,
        least(grouped.first_received_at, earlier.first_received_at) as first_received_at,
        grouped.calls + coalesce(earlier.calls, 0) = 0 as is_gone
        {%- else %}
        grouped.calls,
        grouped.resolved_calls,
        grouped.first_seen_at,
        grouped.last_seen_at,
        grouped.first_received_at,
        false as is_gone
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier on grouped.type = earlier.type and grouped.event = earlier.event
    {%- endif %}

)

select * from final
