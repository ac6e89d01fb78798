{# A field of a Planhat object as one type. What cannot be read as that type becomes null: the raw
   object still holds it. #}

{% macro planhat_text(name) -%}
    case
        when jsonb_typeof(payload -> '{{ name }}') in ('string', 'number', 'boolean')
            then nullif({{ trimmed("payload ->> '" ~ name ~ "'") }}, '')
    end
{%- endmacro %}

{# An id that calls may say too, as they are compared with it. #}
{% macro planhat_key(name) -%}
    {{ key_form(planhat_key_text(name)) }}
{%- endmacro %}

{# The _id of another object: where it is longer than any, there is no such object. #}
{% macro planhat_id(name) -%}
    case
        when octet_length(payload ->> '{{ name }}') <= {{ var('longest_planhat_id') }} then {{ planhat_text(name) }}
    end
{%- endmacro %}

{% macro planhat_email(name) -%}
    {{ email_form(planhat_key_text(name)) }}
{%- endmacro %}

{% macro planhat_key_text(name) -%}
    case jsonb_typeof(payload -> '{{ name }}')
        when 'string' then payload ->> '{{ name }}'
        when 'number' then {{ number_text("payload ->> '" ~ name ~ "'") }}
    end
{%- endmacro %}

{# A number of so few digits and so small an exponent that no sum of them is too large for Postgres. #}
{% macro planhat_numeric(name) -%}
    {%- set text = trimmed("payload ->> '" ~ name ~ "'") -%}
    case
        when
            jsonb_typeof(payload -> '{{ name }}') in ('string', 'number')
            and {{ text }} ~ '^[+-]?([0-9]{1,40}[.]?[0-9]{0,40}|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})?$'
            then ({{ text }})::numeric
    end
{%- endmacro %}

{% macro planhat_boolean(name) -%}
    case lower(payload ->> '{{ name }}') when 'true' then true when 'false' then false end
{%- endmacro %}

{% macro planhat_timestamptz(name) -%}
    raw_segment.read_time(payload ->> '{{ name }}')
{%- endmacro %}

{# Planhat gives an invoice's dates as days since 1970-01-01. #}
{% macro planhat_days(name) -%}
    case
        when payload ->> '{{ name }}' ~ '^-?[0-9]{1,6}$'
            then date '1970-01-01' + (payload ->> '{{ name }}')::integer
        else {{ utc_date(planhat_timestamptz(name)) }}
    end
{%- endmacro %}

{# A currency is an object when read ({_id, symbol, rate …}) and sometimes its symbol alone. #}
{% macro planhat_currency(name) -%}
    coalesce(payload #>> '{ {{- name -}} ,symbol}', {{ planhat_text(name) }})
{%- endmacro %}

{# Arrays and objects stay JSON; an empty one is no value. #}
{% macro planhat_jsonb(name) -%}
    case
        when payload -> '{{ name }}' not in ('[]', '{}') and jsonb_typeof(payload -> '{{ name }}') in ('array', 'object')
            then payload -> '{{ name }}'
    end
{%- endmacro %}

{# One word or a list of them, as text. #}
{% macro planhat_text_or_list(name) -%}
    case
        when jsonb_typeof(payload -> '{{ name }}') = 'array'
            then (
                select string_agg(word, ', ' order by place)
                from jsonb_array_elements_text(payload -> '{{ name }}') with ordinality as each (word, place)
            )
        else {{ planhat_text(name) }}
    end
{%- endmacro %}
