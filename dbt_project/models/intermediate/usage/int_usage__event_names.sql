-- One row an event name ever received in a track, page or screen call, receipts aside: a call never changes its
-- name or its time.

-- depends_on: {{ ref('int_identity__calls') }}
{{ config(
    materialized='journaled',
    unique_key=['type', 'event'],
    indexes=[{'columns': ['type', 'event'], 'unique': true}],
    meta={'inputs': var('call_inputs')}
) }}

{%- set mode = increment_mode() %}

with calls as (

    select * from {{ new_or_all('int_identity__calls', mode) }} as calls
    where type in ('track', 'page', 'screen') and not is_receipt

),

grouped as (

    select
        type,
        event,
        count(*) as calls,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        min(received_at) as first_received_at
    from calls
    group by type, event

),

final as (

    select
        grouped.type,
        grouped.event,
        {%- if mode == 'changes' %}
        grouped.calls + coalesce(earlier.calls, 0) as calls,
        least(grouped.first_seen_at, earlier.first_seen_at) as first_seen_at,
        greatest(grouped.last_seen_at, earlier.last_seen_at) as last_seen_at,
        least(grouped.first_received_at, earlier.first_received_at) as first_received_at
        {%- else %}
        grouped.calls,
        grouped.first_seen_at,
        grouped.last_seen_at,
        grouped.first_received_at
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier on grouped.type = earlier.type and grouped.event = earlier.event
    {%- endif %}

)

select * from final
