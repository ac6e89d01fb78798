{#
    Whether models looked only at changes in this build, or were left out: then a test need not look at more. Where the
    build before did not succeed, some of them may have had their changes in that one already.
#}
{% macro looked_at_changes(names) %}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {%- set build = this_build() -%}
    {%- if build.done_build_id != build.build_id - 1 -%}{{ return(false) }}{%- endif -%}
    {%- set query -%}
        select count(*) from {{ in_sync('model_marks') }}
        where
            model in ('{{ names | join("', '") }}')
            {%- if build.sees_rows_only %}
            and (mode = 'changes' or build_id < {{ build.build_id }})
            {%- else %}
            and mode = 'changes'
            and build_id = {{ build.build_id }}
            {%- endif %}
    {%- endset -%}
    {{ return(run_query(query)[0][0] == names | length) }}
{% endmacro %}
