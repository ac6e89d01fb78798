{#
    A table that is made whole each time. Where a build sees nothing but new rows, what it holds is compared, and only rows
    that differ are written: so the views over it stay, and who reads it is left out if there were none.
#}
{% materialization table, adapter='postgres' %}
    {%- if var('tried_on') -%}{{ return(tried('table', sql)) }}{%- endif -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set there, build = load_cached_relation(this), this_build() -%}
    {%- if there is none or not there.is_table or not build.sees_rows_only -%}
        {{ return(dbt.materialization_table_default()) }}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') -%}
    {%- set fresh, moved = make_temp_relation(target, '__fresh'), make_temp_relation(target, '__moved') -%}
    {%- call statement('main') -%}
        create temporary table {{ fresh }} on commit drop as select {{ columns }} from ({{ sql }}) as made
    {%- endcall -%}
    {#- it may have no key, and rows that are alike -#}
    {%- set query -%}
        create temporary table {{ moved }} on commit drop as
        with old as (
            select old::text as said, array_agg(old.ctid) as places, count(*) as times from {{ target }} as old
            group by said
        ),

        fresh as (
            select fresh::text as said, count(*) as times from {{ fresh }} as fresh
            group by said
        )

        select said, old.places, coalesce(old.times, 0) as were, coalesce(fresh.times, 0) as are
        from old full join fresh using (said)
        where old.times is distinct from fresh.times
    {%- endset -%}
    {%- do run_query(query) -%}
    {%- set counts = run_query('select coalesce(sum(are), 0), coalesce(sum(were), 0) from ' ~ moved)[0] -%}
    {%- if counts[0] or counts[1] -%}
        {%- do run_query(
            'delete from ' ~ target ~ ' where ctid in (select unnest(places) from ' ~ moved ~ ')'
        ) -%}
        {%- do run_query(
            'insert into ' ~ target ~ ' (' ~ columns ~ ') select * from ' ~ fresh ~ ' as fresh'
            ~ ' where fresh::text in (select said from ' ~ moved ~ ')'
        ) -%}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- endif -%}

    {%- do write_mark(build, 'whole', '', false, {'added': counts[0], 'gone': counts[1]}) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) if counts[0] or counts[1] }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
