{#
    Ends a subquery that is to be worked out once for each row, not wherever its columns are named: an optimization
    fence. Written as a bigint: whether a plain 0 is no offset Postgres sees only after it has decided that one
    process must read it all.
#}
{% macro fence() -%} offset bigint '0' {%- endmacro %}
