{#
    The time that a text says, understood whole, or null (§3.9). What most clients write is looked up piece by piece,
    with nothing that could fail, and is then a time to Postgres; whatever else, raw_segment.read_time takes apart, at
    ten times the cost. `bytes`: the text as bytea, of which pieces cost the least; columns, both of them. Of Planhat's
    times, which are few, that reader is asked at once.
#}
{% macro readable_timestamp(text, bytes) -%}
    case
        when
            octet_length({{ text }}) between 20 and 32
            and substr({{ bytes }}, 1, 5) = any ({{ _years() }})
            and substr({{ bytes }}, 6, 6) = any ({{ _days_of_a_year() }})
            and substr({{ bytes }}, 12, 3) = any ({{ _two_digits(24, ':') }})
            and substr({{ bytes }}, 15, 3) = any ({{ _two_digits(60, ':') }})
            and substr({{ bytes }}, 18, 2) = any ({{ _two_digits(60) }})
            and case
                -- a fraction: a point and at least one digit
                when get_byte({{ bytes }}, 19) = 46
                    then
                        octet_length({{ text }}) > 21
                        and get_byte({{ bytes }}, 20) between 48 and 57
                        and ltrim(substr({{ bytes }}, 22), '0123456789'::bytea) = any ({{ _offsets() }})
                        -- no more digits than a time has: Postgres would round
                        and octet_length({{ text }})
                        <= case when get_byte({{ bytes }}, octet_length({{ text }}) - 1) = 90 then 27 else 32 end
                else substr({{ bytes }}, 20) = any ({{ _offsets() }})
            end
            then ({{ text }})::timestamptz
        else raw_segment.read_time({{ text }})
    end
{%- endmacro %}

{% macro _years() -%}
    '{ {%- for year in range(1970, 2070) -%}{{ year }}-{{ ',' if not loop.last }}{%- endfor -%} }'::bytea []
{%- endmacro %}

{# The 29th of February is for who knows the year. #}
{% macro _days_of_a_year() -%}
    {%- set days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    '{
    {%- for last in days -%}
        {%- set month = loop.index -%}
        {%- for day in range(1, last + 1) -%}
            {{ '%02d-%02dT' | format(month, day) }}{{ ',' if month < 12 or day < last }}
        {%- endfor -%}
    {%- endfor -%}
    }'::bytea []
{%- endmacro %}

{% macro _two_digits(many, mark='') -%}
    '{ {%- for number in range(many) -%}{{ '%02d' | format(number) }}{{ mark }}{{ ',' if not loop.last }}{%- endfor -%} }'::bytea []
{%- endmacro %}

{# Those in use, and some more: by the quarter of an hour. #}
{% macro _offsets() -%}
    '{Z
    {%- for sign in '+-' -%}
        {%- for hour in range(15) -%}
            {%- for minute in [0, 15, 30, 45] -%},{{ sign }}{{ '%02d:%02d' | format(hour, minute) }}{%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    }'::bytea []
{%- endmacro %}

{# A day is a UTC day, whatever the session's time zone. #}
{% macro utc_date(column) -%}
    ({{ column }} at time zone 'UTC')::date
{%- endmacro %}

{# The run's as-of date, a day that is over; by hand, the UTC day before the one on which dbt started. #}
{% macro as_of_date() -%}
    '{{ var("as_of", none) or env_var("BUILD_AS_OF", "")
        or (run_started_at - modules.datetime.timedelta(days=1)).strftime("%Y-%m-%d") }}'::date
{%- endmacro %}

{# The sources whose originalTimestamp is asked before their timestamp, as a list of SQL; null for none. #}
{% macro sources_with_original_first() -%}
    {%- set names = ['null'] -%}
    {%- if execute -%}
        {%- set query = "select quote_literal(source) from raw_segment.sources where original_timestamp_first" -%}
        {%- for row in run_query(query) -%}
            {%- do names.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ names | join(', ') }}
{%- endmacro %}
