{#
    The names of pages and screens that a row of sync.usage_events is about, by type, as lists of SQL; a type without one
    is not there. Read when the model compiles: as long as nobody names one, a call's own name is not looked at.
#}
{% macro named_pages() %}
    {%- set names = {} -%}
    {%- if execute -%}
        {%- set query -%}
            select type, string_agg(quote_literal(event), ', ' order by event collate "C")
            from {{ in_sync('usage_events') }}
            where type in ('page', 'screen') and event <> type
            group by type
            order by type
        {%- endset -%}
        {%- for type, list in run_query(query) -%}{%- do names.update({type: list}) -%}{%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{% endmacro %}
