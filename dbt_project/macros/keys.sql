{# Where in a call a key is looked for: the rows of sync.key_names, read when the model compiles. #}
{% macro key_paths(key) %}
    {%- set paths = [] -%}
    {%- if execute -%}
        {%- set query = "select path from sync.key_names where key = '" ~ key ~ "' order by position" -%}
        {%- for row in run_query(query) -%}
            {%- do paths.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(paths) }}
{% endmacro %}

{# A group call's own traits describe its company, not a person. #}
{% macro outside_traits(paths) %}
    {%- set kept = [] -%}
    {%- for path in paths if not path.startswith("traits.") -%}
        {%- do kept.append(path) -%}
    {%- endfor -%}
    {{ return(kept) }}
{% endmacro %}

{# The models that an event can name an object of, each with its property names in order. #}
{% macro object_key_properties() %}
    {%- set properties = {} -%}
    {%- if execute -%}
        {%- set query = "select model, property from sync.object_keys order by model, position, property" -%}
        {%- for row in run_query(query) -%}
            {%- do properties.setdefault(row[0], []).append(row[1]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(properties) }}
{% endmacro %}

{#
    Calls with the three objects that nearly every key lies in beside the payload: each is taken out of it once,
    and what a call does not have costs nothing more.
#}
{% macro opened(calls) -%}
    (
        select
            *,
            payload -> 'traits' as traits,
            payload -> 'properties' as properties,
            payload -> 'context' as context
        from {{ calls }} as calls
        {{ fence() }}
    )
{%- endmacro %}

{# The JSON value, or its text, at a dotted path of an opened call. #}
{% macro value_at(path, as_text=false) -%}
    {%- set steps = path.replace("'", "''").split(".") -%}
    {%- if steps | length > 1 and steps[0] in ['traits', 'properties', 'context'] -%}
        {%- set root, steps = steps[0], steps[1:] -%}
    {%- else -%}
        {%- set root = 'payload' -%}
    {%- endif -%}
    {%- set arrow = '>>' if as_text else '>' -%}
    {%- if steps | length == 1 -%}
        {{ root }} -{{ arrow }} '{{ steps[0] }}'
    {%- else -%}
        {{ root }} #{{ arrow }} '{{ '{' ~ steps | join(',') ~ '}' }}'
    {%- endif -%}
{%- endmacro %}

{# The text at a dotted path of an opened call, if it is a string or a number. #}
{% macro key_text(path) -%}
    case when jsonb_typeof({{ value_at(path) }}) in ('string', 'number') then {{ value_at(path, as_text=true) }} end
{%- endmacro %}

{# The columns that have the texts at some of their paths. #}
{% macro texts_at(paths, column_of) -%}
    {%- set columns = [] -%}
    {%- for path in paths -%}{%- do columns.append(column_of[path]) -%}{%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{% macro _candidate(text, is_email) -%}
    case
        when btrim({{ text }}) <> '' and length({{ text }}) <= {{ var('longest_key') }}
            then {{ "lower(btrim(" ~ text ~ "))" if is_email else text }}
    end
{%- endmacro %}

{# All values of a key, of the texts at its paths in their order: neither blank nor absurdly long. #}
{% macro candidates(texts, is_email=false) -%}
    {%- if not texts -%}{{ return("cast('{}' as text[])") }}{%- endif -%}
    case
        -- as with most keys of most calls
        when coalesce({{ texts | join(', ') }}) is null then '{}'
        {%- if texts | length > 1 %}
        -- as with most others: an array of one is made faster than one of nearly nothing but nulls
        when num_nonnulls({{ texts | join(', ') }}) = 1
            then array_remove(array[{{ _candidate('coalesce(' ~ texts | join(', ') ~ ')', is_email) }}], null)
        {%- endif %}
        else array_remove(array[
            {%- for text in texts %}
            {{ _candidate(text, is_email) }}{{ "," if not loop.last }}
            {%- endfor %}
        ], null)
    end
{%- endmacro %}

{# Neither the customer nor Segment's own rule blocks it (§3.1). #}
{% macro is_unblocked(value, blocked) -%}
    {{ value }} !~ '^[0-]*$'
    and {{ value }} not in ('-1', 'null', 'undefined', 'anonymous')
    and {{ value }} <> all ({{ blocked }}::text [])
{%- endmacro %}

{# The first candidate that is not blocked. #}
{% macro first_unblocked(candidates, blocked) -%}
    (
        select value
        from unnest({{ candidates }}) with ordinality as candidate (value, place)
        where {{ is_unblocked('value', blocked) }}
        order by place
        limit 1
    )
{%- endmacro %}

{#
    The same of at most so many candidates, for every call: a subquery would be run for each, and keep Postgres from
    sharing the calls among processes.
#}
{% macro first_unblocked_of(most, candidates, blocked) -%}
    case
        {%- for place in range(1, [most, 1] | max + 1) %}
        {%- set value = candidates ~ '[' ~ place ~ ']' %}
        when {{ is_unblocked(value, blocked) }} then {{ value }}
        {%- endfor %}
        else null
    end
{%- endmacro %}
