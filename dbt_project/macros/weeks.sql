{# How many whole days after a week it is judged: most late calls are there by then. #}
{% macro days_until_judged() -%}
    {{ return(([threshold('alert_judged_after', 12) | float, 0] | max / 24) | round(0, 'ceil') | int) }}
{%- endmacro %}

{# Alerts are for companies, assets, projects …; for endusers by a switch. Asks a CTE `switches`. #}
{% macro raises_alerts(object_type) -%}
    (
        {{ object_type }} <> 'enduser'
        or (select is_on from switches where switch = 'enduser_alerts' and valid_to = 'infinity')
    )
{%- endmacro %}

{# The Monday up to which weeks are judged on the as-of date, a day that is over. #}
{% macro judged_until() -%}
    date_trunc('week', {{ as_of_date() }} + {{ 1 - days_until_judged() }})::date
{%- endmacro %}
