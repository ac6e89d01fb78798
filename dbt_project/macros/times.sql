{# A timestamp as JSON clients write it, or null. Words such as 'now' are no timestamp here. #}
{% macro readable_timestamp(payload, name) -%}
    case
        when
            {{ payload }} ->> '{{ name }}' ~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$'
            and pg_input_is_valid({{ payload }} ->> '{{ name }}', 'timestamptz')
            then ({{ payload }} ->> '{{ name }}')::timestamptz
    end
{%- endmacro %}

{# A day is a UTC day, whatever the session's time zone. #}
{% macro utc_date(column) -%}
    ({{ column }} at time zone 'UTC')::date
{%- endmacro %}

{# The run's as-of date; by hand, the UTC date on which dbt started. #}
{% macro as_of_date() -%}
    '{{ var("as_of", none) or run_started_at.strftime("%Y-%m-%d") }}'::date
{%- endmacro %}
