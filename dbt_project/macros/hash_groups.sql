{#
    A model's pre-hook: rows are grouped by hashing, not by sorting. For groups that are few: of a union Postgres
    guesses them at a tenth of its rows, and would sort every call to make a thousand rows of them.
#}
{% macro hash_groups() -%} set local enable_sort = off {%- endmacro %}
