{#
    An edit, or a setting, that is tried beside the truth (include/trying): a build in schemas of its own over the tables that
    are there. For each model a view of the truth stands there beforehand, with an empty journal. A model that is tried
    itself (`var('tried')`), or that something which differs comes to, is made there (materializations/tried.sql); of the
    others the view stays. Its marks and settings are copies in a schema of its own.
#}

{# A table of the schema sync: a setting, or the marks. In a try it may be a copy. #}
{% macro in_sync(table) -%}
    {{ return(var('sync_schema') ~ '.' ~ table) }}
{%- endmacro %}

{# A text without the names of the schemas that a try has for itself. #}
{% macro as_in_truth(text) -%}
    {{ return(text.replace(var('alongside'), '') if var('alongside') else text) }}
{%- endmacro %}

{% macro is_tried_itself() %}
    {{ return(var('tried_on') and (model.name in var('tried') or var('tried') == ['*'])) }}
{% endmacro %}

{# Whether the model is tried itself, or is made from something that differs. #}
{% macro is_reached() %}
    {%- if is_tried_itself() -%}{{ return(true) }}{%- endif -%}
    {%- set known = remembered('is reached') -%}
    {%- if known is not none -%}{{ return(known) }}{%- endif -%}
    {%- set parents = [''] -%}
    {%- for parent in graph.nodes[model.unique_id].depends_on.nodes -%}
        {%- do parents.append(parent.split('.')[-1]) -%}
    {%- endfor -%}
    {%- set query -%}
        select count(*) from {{ in_sync('tried') }} where differs and model in ('{{ parents | join("', '") }}')
    {%- endset -%}
    {{ return(remember('is reached', run_query(query)[0][0] > 0)) }}
{% endmacro %}

{# Of relations of a try those that were made there and differ; of the others the truth is looked at. #}
{% macro differing_relations() %}
    {%- set found = [] -%}
    {%- if var('tried_on') -%}
        {%- for row in run_query('select relation from ' ~ in_sync('tried') ~ ' where differs') -%}
            {%- do found.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{# What became of a model. `came`, `went`: rows that stand here alone, and in the truth alone; none: nobody counted. #}
{% macro note_tried(mode, differs, came=none, went=none) %}
    {%- do run_query(
        'insert into ' ~ in_sync('tried') ~ " (model, relation, mode, differs, came, went) values ('" ~ model.name ~ "', '"
        ~ this ~ "', '" ~ mode ~ "', " ~ differs ~ ', ' ~ (came if came is not none else 'null') ~ ', '
        ~ (went if went is not none else 'null') ~ ')'
    ) -%}
{% endmacro %}
