{# The one order behind every first, last and nearest (§3.0): by code point on every server. #}
{% macro in_order(direction="") -%}
    event_at {{ direction }}, message_id collate "C" {{ direction }}
{%- endmacro %}
