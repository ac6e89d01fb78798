{# On Postgres dbt would put a view of itself in the place of each table. #}
{% materialization clone, default %}
    {%- do refuse('tables here are not cloned. To try a change beside the truth: `make verify MODEL=' ~ this.name ~ '`.') -%}
{% endmaterialization %}
