{# Whether a model looked only at changes in this build: then a test need not look at more. #}
{% macro looked_at_changes(names) %}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {%- set query -%}
        select count(*) from sync.model_marks
        where
            model in ('{{ names | join("', '") }}')
            and mode = 'changes'
            and build_id = {{ this_build().build_id }}
    {%- endset -%}
    {{ return(run_query(query)[0][0] == names | length) }}
{% endmacro %}
