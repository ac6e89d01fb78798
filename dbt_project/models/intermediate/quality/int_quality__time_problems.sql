-- One row a source, library, problem and shape of times of calls that were not usable: when they were received counts
-- instead (§3.9). A call never changes what it says.

-- depends_on: {{ ref('stg_segment__calls') }}
{{ config(
    materialized='journaled',
    unique_key=['source', 'library', 'problem', 'shape'],
    indexes=[{'columns': ['source', 'library', 'problem', 'shape'], 'unique': true}]
) }}

{%- set mode = increment_mode() %}
{%- set key = ['source', 'library', 'problem', 'shape'] %}

with calls as (

    select * from {{ new_or_all('stg_segment__calls', mode) }} as calls
    where time_problem <> 'missing'

),

said as (

    select
        calls.source,
        calls.time_problem as problem,
        calls.message_id,
        calls.received_at,
        events.payload #>> '{context,library,name}' as library_name,
        events.payload #>> '{context,library,version}' as library_version,
        coalesce(
            events.payload ->> 'timestamp',
            events.payload ->> 'originalTimestamp',
            events.payload ->> 'original_timestamp'
        ) as said_at
    from calls
    inner join {{ source('raw_segment', 'events') }} as events
        on events.message_key = {{ message_key('calls.message_id') }}

),

shaped as (

    select
        source,
        concat_ws(' ', {{ name_form('library_name', 60) }}, {{ name_form('library_version', 20) }}) as library,
        problem,
        {{ shape('said_at') }} as shape,
        message_id,
        received_at
    from said

),

grouped as (

    select
        {{ key | join(', ') }},
        count(*) as calls,
        min(received_at) as first_received_at,
        max(received_at) as last_received_at,
        min(message_id collate "C") as sample_message_id
    from shaped
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
