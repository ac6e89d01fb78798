-- One row a value that a declared metric could not take: the day keeps its other values.

with group_values as (

    select * from {{ ref('int_metrics__group_values') }}
    where aggregation is not null and value is null

),

final as (

    select
        message_id,
        event_at,
        company_key,
        company_id,
        trait as metric,
        case when value_type = 'null' then 'null_value' else 'not_a_number' end as reason,
        value_type,
        value_text
    from group_values

)

select * from final
