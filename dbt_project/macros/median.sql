{#
    The median of so many numbers, given as a sorted array. Without a subquery: an aggregate run for each row costs
    several times as much.
#}
{% macro median(sorted, most) -%}
    trim_scale((({{ sorted }})[{{ (most + 1) // 2 }}] + ({{ sorted }})[{{ most // 2 + 1 }}]) / 2)
{%- endmacro %}
