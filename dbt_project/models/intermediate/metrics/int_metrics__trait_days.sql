-- One row a keyset of group calls, numeric trait and day: the sum of its values and the last one, whatever is
-- declared as a metric and whichever company it is (§3.8).

{{ config(
    materialized='journaled',
    unique_key=['keyset', 'trait', 'metric_date'],
    indexes=[{'columns': ['trait']}],
    meta={
        'merges': {
            'calls': 'count',
            'value_sum': 'sum',
            'first_place': 'min',
            'last_place': 'max',
            'value_last': 'of last_place',
        },
    }
) }}

with calls as (

    select * from {{ new_or_all('int_identity__calls') }} as calls
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

final as (

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

)

select * from final
