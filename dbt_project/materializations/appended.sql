{#
    A table that rows are only ever added to: what landed since its mark, each row with the build that
    added it. Made from everything when its text or a setting that it reads has changed.

    Of two kinds, the SELECT says what builds changed, and nothing where all is looked at anyway or made for the first
    time. With `is_signed` it is nothing but a journal: rows (journal_sign, …) go again when every reader has had them.
    With `keeps_rows` nothing ever goes.
#}
{% materialization appended, adapter='postgres' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- if not var('in_build') -%}{{ return(left_to_builds(target)) }}{%- endif -%}
    {%- if var('tried_on') -%}{{ return(tried('appended', sql)) }}{%- endif -%}
    {%- set build = this_build() -%}
    {%- do needs_a_build(build) -%}
    {#- before anything is read: what changes meanwhile is seen to have changed by the next build -#}
    {%- set made_of = inputs_to_mark(build) -%}
    {%- set mode = increment_mode() -%}
    {%- if mode != 'create' and not build.sees_rows_only -%}
        {#- what was compiled may be of another mode, if a setting was written since -#}
        {%- set sql = render(model.raw_code) -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if mode == 'compare' and has_other_columns(target, sql, added=['build_id']) -%}
        {%- set mode = 'create' -%}
    {%- endif -%}
    {%- if mode == 'create' -%}
        {%- set made = made_aside(target) -%}
        {%- call statement('main') -%}
            create table {{ made }} as
            select *, {{ build.build_id }}::bigint as build_id from ({{ sql }}) as made
            {{ 'where false' if config.meta_get('is_signed') or config.meta_get('keeps_rows') }}
        {%- endcall -%}
        {%- do index_as_configured(made) -%}
        {%- do make_index(made, 'using brin (build_id) with (pages_per_range = 16)') -%}
        {#- what a later build asks anew of a table however large: from a sample of 6,000 rows, not of 30,000 -#}
        {%- do run_query('alter table ' ~ made ~ ' alter build_id set statistics 20') -%}
        {%- do run_query('analyze ' ~ made) -%}
        {%- do put_in_place(made, target) -%}
    {%- else -%}
        {%- if mode == 'compare' and not config.meta_get('is_signed') and not config.meta_get('keeps_rows') -%}
            {%- do run_query('delete from ' ~ target) -%}
        {%- elif config.meta_get('is_signed') -%}
            {%- do run_query('delete from ' ~ target ~ ' where build_id <= ' ~ build.done_build_id) -%}
        {%- endif -%}
        {%- call statement('main') -%}
            insert into {{ target }} select *, {{ build.build_id }}::bigint as build_id from ({{ sql }}) as made
            {{ 'where false' if config.meta_get('is_signed') and mode != 'changes' }}
        {%- endcall -%}
        {%- if mode == 'compare' or config.meta_get('is_signed') -%}
            {%- do run_query('analyze ' ~ target) -%}
        {%- else -%}
            {#- so that nobody takes the new rows for none -#}
            {%- do run_query('analyze ' ~ target ~ ' (build_id)') -%}
        {%- endif -%}
        {%- do summarize_builds(target) -%}
    {%- endif -%}

    {%- do write_mark(
        build, mode, made_of, mode != 'changes', {'added': load_result('main').response.rows_affected}
    ) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Tells the small index over builds of the new rows: what it does not know, whoever looks for new rows reads too. #}
{% macro summarize_builds(relation) %}
    {%- set query -%}
        select brin_summarize_new_values(pg_class.oid)
        from pg_index
        inner join pg_class on pg_index.indexrelid = pg_class.oid
        inner join pg_am on pg_class.relam = pg_am.oid
        where pg_index.indrelid = '{{ relation }}'::regclass and pg_am.amname = 'brin'
    {%- endset -%}
    {%- do run_query(query) -%}
{% endmacro %}
