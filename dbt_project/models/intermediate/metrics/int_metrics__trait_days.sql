-- One row a keyset of group calls, numeric trait and day: the sum of its values and the last one, whatever is
-- declared as a metric and whichever company it is (§3.8).

{{ config(
    materialized='journaled',
    unique_key=['keyset', 'trait', 'metric_date'],
    indexes=[{'columns': ['keyset', 'trait', 'metric_date'], 'unique': true}, {'columns': ['trait']}],
    meta={'inputs': var('call_inputs')}
) }}

{%- set mode = increment_mode() %}

with calls as (

    select * from {{ new_or_all('int_identity__calls', mode) }} as calls
    where type = 'group' and is_in_scope

),

group_traits as (

    select * from {{ ref('stg_segment__group_traits') }}
    where value is not null

),

valued as (

    select
        calls.keyset,
        group_traits.trait,
        calls.event_date as metric_date,
        group_traits.value,
        {{ place('calls.event_at', 'calls.message_id') }} as place
    from calls
    inner join group_traits on calls.event_seq = group_traits.event_seq

),

grouped as (

    select
        keyset,
        trait,
        metric_date,
        count(*) as calls,
        sum(value) as value_sum,
        min(place) as first_place,
        max(place) as last_place,
        (array_agg(value order by place desc))[1] as value_last
    from valued
    group by keyset, trait, metric_date

),

final as (

    select
        grouped.keyset,
        grouped.trait,
        grouped.metric_date,
        {%- if mode == 'changes' %}
        grouped.calls + coalesce(earlier.calls, 0) as calls,
        grouped.value_sum + coalesce(earlier.value_sum, 0) as value_sum,
        least(grouped.first_place, earlier.first_place) as first_place,
        greatest(grouped.last_place, earlier.last_place) as last_place,
        case when earlier.last_place > grouped.last_place then earlier.value_last else grouped.value_last end
            as value_last
        {%- else %}
        grouped.calls,
        grouped.value_sum,
        grouped.first_place,
        grouped.last_place,
        grouped.value_last
        {%- endif %}
    from grouped
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier
        on
            grouped.keyset = earlier.keyset
            and grouped.trait = earlier.trait
            and grouped.metric_date = earlier.metric_date
    {%- endif %}

)

select * from final
