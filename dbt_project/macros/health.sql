{# A change as a part of health: -100 % and less is 0, none is 5, +100 % and more is 10; null stays null. #}
{% macro part_of_change(change) -%}
    case when {{ change }} is not null then round(5 + 5 * greatest(least({{ change }}, 1), -1), 2) end
{%- endmacro %}
