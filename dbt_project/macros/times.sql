{#
    A timestamp as JSON clients write it, or null. Words such as 'now' are no timestamp here: it has the shape of a
    date, with a time or without, and begins with a digit. Patterns of `like` cost a twentieth of a regular expression's.
#}
{% macro readable_timestamp(text) -%}
    case
        when
            ({{ text }} like '____-__-__T__:__%' or {{ text }} like '____-__-__ __:__%' or {{ text }} like '____-__-__')
            and {{ text }} between '0' and ':'
            and pg_input_is_valid({{ text }}, 'timestamptz')
            then ({{ text }})::timestamptz
    end
{%- endmacro %}

{# A day is a UTC day, whatever the session's time zone. #}
{% macro utc_date(column) -%}
    ({{ column }} at time zone 'UTC')::date
{%- endmacro %}

{# The run's as-of date, a day that is over; by hand, the UTC day before the one on which dbt started. #}
{% macro as_of_date() -%}
    '{{ var("as_of", none) or (run_started_at - modules.datetime.timedelta(days=1)).strftime("%Y-%m-%d") }}'::date
{%- endmacro %}
