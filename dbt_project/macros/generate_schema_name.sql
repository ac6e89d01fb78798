{#
    The schemas' names are a contract: exactly as written in dbt_project.yml. Only what is tried beside the tables that
    are there (include/rules.py) goes into others.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('alongside') }}{{ custom_schema_name or target.schema }}
{%- endmacro %}
