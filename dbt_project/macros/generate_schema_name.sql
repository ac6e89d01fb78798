{# The schemas' names are a contract: exactly as written in dbt_project.yml, without a prefix. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
