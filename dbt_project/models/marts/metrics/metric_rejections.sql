-- One row a value that a declared metric could not take: the day keeps its other values.

with group_traits as (

    select * from {{ ref('stg_segment__group_traits') }}
    where value is null

),

company_metrics as (

    select * from {{ ref('stg_settings__company_metrics') }}

),

calls as not materialized (

    select * from {{ ref('int_identity__calls') }}
    where type = 'group' and is_in_scope

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

final as (

    select
        calls.message_id,
        calls.event_at,
        keyset_endusers.company_key,
        keyset_endusers.company_id,
        group_traits.trait as metric,
        case group_traits.value_type
            when 'null' then 'null_value'
            when 'number' then 'too_many_digits'
            else 'not_a_number'
        end as reason,
        group_traits.value_type,
        group_traits.value_text
    from group_traits
    inner join company_metrics on group_traits.trait = company_metrics.metric
    -- a look-up for each: there are few of them, whatever else has landed
    cross join lateral (
        select * from calls
        where calls.event_seq = group_traits.event_seq
        {{ fence() }}
    ) as calls
    inner join keyset_endusers on calls.keyset = keyset_endusers.keyset

)

select * from final
