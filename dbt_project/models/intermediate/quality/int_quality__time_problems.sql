-- One row a source, library, problem and shape of times of calls that were not usable: when they were received counts
-- instead (§3.9). A call never changes what it says.

-- depends_on: {{ ref('stg_segment__unusable_times') }}
{{ config(
    materialized='journaled',
    unique_key=['source', 'library', 'problem', 'shape'],
    indexes=[{'columns': ['source', 'library', 'problem', 'shape'], 'unique': true}]
) }}

{%- set mode = increment_mode() %}
{%- set key = ['source', 'library', 'problem', 'shape'] %}

with unusable_times as (

    select * from {{ new_or_all('stg_segment__unusable_times', mode) }} as unusable_times

),

grouped as (

    select
        {{ key | join(', ') }},
        count(*) as calls,
        min(received_at) as first_received_at,
        max(received_at) as last_received_at,
        min(message_id collate "C") as sample_message_id
    from unusable_times
    group by {{ key | join(', ') }}

),

final as (

    select
        {%- for column in key %}
        grouped.{{ column }},
        {%- endfor %}
        {%- if mode == 'changes' %}
        grouped.calls + coalesce(earlier.calls, 0) as calls,
        least(grouped.first_received_at, earlier.first_received_at) as first_received_at,
        greatest(grouped.last_received_at, earlier.last_received_at) as last_received_at,
        least(grouped.sample_message_id collate "C", earlier.sample_message_id collate "C") as sample_message_id
        {%- else %}
        grouped.calls,
        grouped.first_received_at,
        grouped.last_received_at,
        grouped.sample_message_id
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier on {{ same_key('grouped', 'earlier', key) }}
    {%- endif %}

)

select * from final
