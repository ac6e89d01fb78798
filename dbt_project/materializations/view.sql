{#
    A view that stays in its place: dbt's own renames the old one and drops it with all views over it, so that those
    are not there until their turn comes, in every build. Only one that gets other columns is dropped, with the views
    over it; those have their turn later in the same build.
#}
{% materialization view, adapter='postgres' %}
    {%- if var('tried_on') -%}{{ return(tried('view', sql)) }}{%- endif -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- set earlier = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if
        earlier is not none
        and (
            (should_full_refresh() and var('in_build')) or not earlier.is_view
            or has_other_columns(target, sql)
        )
    -%}
        {%- do drop_relation_if_exists(earlier) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace view {{ target }} as {{ sql }}
    {%- endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
