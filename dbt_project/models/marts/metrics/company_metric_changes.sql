-- One row a company and metric: its latest value and how it changed over 7, 30 and 90 days up to the
-- as-of date: the window's total for SUM, the value then in force for LAST.

with company_metrics as (

    select * from {{ ref('company_metrics') }}
    where metric_date <= {{ as_of_date() }}

),

windows as (

    select
        company_id,
        metric,
        aggregation,
        max(metric_date) as last_date,
        {%- for days in [7, 30, 90] %}
        case aggregation
            when 'SUM' then coalesce(sum(value) filter (
                where metric_date > {{ as_of_date() }} - {{ days }}
            ), 0)
            else (array_agg(value order by metric_date desc))[1]
        end as value_{{ days }}d,
        case aggregation
            when 'SUM' then coalesce(sum(value) filter (
                where
                    metric_date > {{ as_of_date() }} - {{ 2 * days }}
                    and metric_date <= {{ as_of_date() }} - {{ days }}
            ), 0)
            else (array_agg(value order by metric_date desc) filter (
                where metric_date <= {{ as_of_date() }} - {{ days }}
            ))[1]
        end as previous_{{ days }}d
        {{- "," if not loop.last }}
        {%- endfor %}
    from company_metrics
    group by company_id, metric, aggregation

),

final as (

    select
        company_id,
        metric,
        {{ as_of_date() }} as as_of_date,
        aggregation,
        last_date,
        {%- for days in [7, 30, 90] %}
        value_{{ days }}d,
        previous_{{ days }}d,
        round((value_{{ days }}d - previous_{{ days }}d) / nullif(abs(previous_{{ days }}d), 0), 4)
            as change_{{ days }}d
        {{- "," if not loop.last }}
        {%- endfor %}
    from windows

)

select * from final
