-- One row a company, declared metric and day with a value: the sum of the day's values, or the last one.

with group_values as (

    select * from {{ ref('int_metrics__group_values') }}
    where aggregation is not null and value is not null and company_id is not null

),

final as (

    select
        company_id,
        trait as metric,
        event_date as metric_date,
        case aggregation
            when 'SUM' then sum(value)
            else (array_agg(value order by {{ in_order("desc") }}))[1]
        end as value,
        aggregation,
        count(*) as calls
    from group_values
    group by company_id, trait, event_date, aggregation

)

select * from final
