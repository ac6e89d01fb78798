-- One row, a column a threshold: what each means stands beside it in sync.thresholds. That of links has a model of its
-- own.

{{ config(materialized='table') }}

with thresholds as (

    select * from {{ source('sync', 'thresholds') }}

),

final as (

    select
        {%- for threshold in [
            'trend_min_change', 'trend_min_activities', 'alert_min_active_weeks',
            'alert_baseline_weeks', 'alert_deviations', 'alert_min_change', 'alert_min_activities',
            'health_weight_trend',
            'health_weight_breadth', 'health_weight_recency', 'health_weight_metric',
            'health_recency_zero_days', 'odd_address_companies', 'odd_domain_companies', 'odd_id_devices',
            'odd_id_companies',
        ] %}
        max(value) filter (where threshold = '{{ threshold }}') as {{ threshold }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from thresholds

)

select * from final
