{# What goes out of an object's usage, each from CTE `usage_trends`. No as-of date: it alone would make every row
   another one each day. #}
{% macro pushed_usage() -%}
    usage_trends.trend,
    {%- for days in ['1d', '7d', '14d', '30d', '90d', 'total'] %}
    usage_trends.activities_{{ days }},
    {%- endfor %}
    usage_trends.previous_7d as activities_previous_7d,
    usage_trends.previous_30d as activities_previous_30d,
    usage_trends.change_7d as activities_change_7d,
    usage_trends.change_30d as activities_change_30d,
    usage_trends.beat,
    usage_trends.experience,
    usage_trends.first_activity_date,
    usage_trends.last_activity_at
{%- endmacro %}

{# The calls that may be usage, if a setting counts their event: of a company that is known. #}
{% macro may_be_usage(calls) -%}
    {{ calls }}.type in ('track', 'page', 'screen') and {{ calls }}.company_id is not null
{%- endmacro %}
