-- One row a source, library and delay: how many calls arrived so long after they happened. A call that does not say
-- when it happened says nothing of that; what we pushed ourselves is left out.

-- depends_on: {{ ref('stg_segment__calls') }}
{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['source', 'library', 'delay'],
    indexes=[{'columns': ['source', 'library', 'delay'], 'unique': true}]
) }}

{%- set mode = increment_mode() %}
{%- set key = ['source', 'library', 'delay'] %}

with calls as (

    select * from {{ new_or_all('stg_segment__calls', mode) }} as calls
    where time_problem is null and not has_receipt_id

),

delayed as (

    select
        source,
        coalesce({{ name_form('library', 60) }}, '') as library,
        case
            when received_at - event_at <= interval '1 hour' then '1h'
            when received_at - event_at <= interval '12 hours' then '12h'
            when received_at - event_at <= interval '1 day' then '1d'
            when received_at - event_at <= interval '7 days' then '7d'
            else 'later'
        end as delay
    from calls

),

grouped as (

    select
        {{ key | join(', ') }},
        count(*) as calls
    from delayed
    group by {{ key | join(', ') }}

),

final as (

    select
        {%- for column in key %}
        grouped.{{ column }},
        {%- endfor %}
        grouped.calls {{ "+ coalesce(earlier.calls, 0)" if mode == 'changes' }} as calls
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier on {{ same_key('grouped', 'earlier', key) }}
    {%- endif %}

)

select * from final
