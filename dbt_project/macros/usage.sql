{# The calls that may be usage, if a setting counts their event: of a company that is known. #}
{% macro may_be_usage(calls) -%}
    {{ calls }}.type in ('track', 'page', 'screen') and {{ calls }}.company_id is not null
{%- endmacro %}
