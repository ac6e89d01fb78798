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

{# A string or number at a dotted path of a call, as text. Anything else there is no key. #}
{% macro scalar_at(payload, path) -%}
    {%- set steps = "'{" ~ path.replace("'", "''").split(".") | join(",") ~ "}'" -%}
    case
        when jsonb_typeof({{ payload }} #> {{ steps }}) in ('string', 'number')
            then {{ payload }} #>> {{ steps }}
    end
{%- endmacro %}

{# All values of a key in the order of its paths: neither blank nor absurdly long. #}
{% macro candidates(payload, paths, is_email=false) -%}
    array_remove(array[
        {%- for path in paths %}
        {{ usable(scalar_at(payload, path), is_email) }}{{ "," if not loop.last }}
        {%- endfor %}
    ]::text [], null)
{%- endmacro %}

{% macro usable(value, is_email) -%}
    (
        select {{ "lower(btrim(value))" if is_email else "value" }}
        from (select {{ value }} as value) as candidate
        where btrim(value) <> '' and length(value) <= {{ var('longest_key') }}
    )
{%- endmacro %}

{# The first candidate that the customer or Segment's own rule does not block (§3.1). #}
{% macro first_unblocked(candidates, blocked) -%}
    (
        select value
        from unnest({{ candidates }}) with ordinality as candidate (value, place)
        where
            value !~ '^[0-]*$'
            and value not in ('-1', 'null', 'undefined', 'anonymous')
            and value <> all ({{ blocked }}::text [])
        order by place
        limit 1
    )
{%- endmacro %}
