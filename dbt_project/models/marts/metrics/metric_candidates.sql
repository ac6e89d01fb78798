-- One row a numeric trait of group calls that is not declared as a metric, with how often it was seen.

with group_values as (

    select * from {{ ref('int_metrics__group_values') }}
    where aggregation is null and value is not null

),

final as (

    select
        trait as metric,
        count(*) as times_seen,
        count(distinct company_id) as companies,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        (array_agg(value order by {{ in_order("desc") }}))[1] as last_value,
        (array_agg(message_id order by {{ in_order("desc") }}))[1] as sample_message_id
    from group_values
    group by trait

)

select * from final
