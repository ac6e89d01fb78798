{#
    A table that only its changes are written to.

    In mode changes the model's SQL returns a row for every key of `unique_key` that may have changed; with
    `marks_gone` it has a last column `is_gone`, true for a key that has no row any more. In the other
    modes it returns all rows there are. What differs is replaced, in one transaction with the journal and
    the mark. `compares: always` is for small tables that are made anew in every build.
#}
{% materialization journaled, adapter='postgres' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set journal = target.incorporate(path={'identifier': this.name ~ '__journal'}) -%}
    {#- before anything is read: what changes meanwhile is seen to have changed by the next build -#}
    {%- set fingerprint = inputs() -%}
    {%- set mode = increment_mode() -%}
    {%- set build = this_build() -%}
    {%- do needs_a_build(build) -%}
    {%- set keys = config.require('unique_key') -%}
    {%- set marks_gone = config.meta_get('marks_gone', false) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set fresh = make_temp_relation(target, '__fresh') -%}
    {%- if mode == 'create' -%}
        {%- set made = made_aside(target) -%}
        {%- call statement('main') -%}
            create table {{ made }} as
            select * from ({{ sql }}) as made {{ 'where not is_gone' if marks_gone }}
        {%- endcall -%}
        {%- if marks_gone -%}{%- do run_query('alter table ' ~ made ~ ' drop column is_gone') -%}{%- endif -%}
        {%- do index_as_configured(made) -%}
        {%- do run_query('analyze ' ~ made) -%}
        {%- do put_in_place(made, target) -%}
        {%- do run_query('drop table if exists ' ~ journal ~ ' cascade') -%}
        {%- do run_query(
            'create table ' ~ journal ~ ' as select 0::bigint as journal_build, 0::smallint as journal_sign,'
            ~ ' * from ' ~ target ~ ' where false'
        ) -%}
    {%- else -%}
        {%- do run_query('create temporary table ' ~ fresh ~ ' on commit drop as ' ~ sql) -%}
        {%- do run_query('analyze ' ~ fresh) -%}
        {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | list -%}
        {%- set same_key -%}
            {% for key in keys %}{{ 'and ' if not loop.first }}old.{{ key }} = fresh.{{ key }} {% endfor %}
        {%- endset -%}
        {%- set old_row = 'row(old.' ~ columns | join(', old.') ~ ')' -%}
        {%- set fresh_row = 'row(fresh.' ~ columns | join(', fresh.') ~ ')' -%}
        {%- set stays = 'not fresh.is_gone' if marks_gone else 'true' -%}
        {%- set leaving = make_temp_relation(target, '__leaving') -%}
        {%- set coming = make_temp_relation(target, '__coming') -%}
        {%- call statement('main') -%}
            create temporary table {{ leaving }} on commit drop as
            select old.ctid as old_ctid, old.*
            from {{ target }} as old
            {{ 'left' if mode == 'compare' else 'inner' }} join {{ fresh }} as fresh on {{ same_key }}
            where fresh.{{ keys[0] }} is null or not {{ stays }} or {{ old_row }} is distinct from {{ fresh_row }}
        {%- endcall -%}
        {%- do run_query(
            'create temporary table ' ~ coming ~ ' on commit drop as select fresh.' ~ columns | join(', fresh.')
            ~ ' from ' ~ fresh ~ ' as fresh left join ' ~ target ~ ' as old on ' ~ same_key
            ~ ' where ' ~ stays ~ ' and (old.' ~ keys[0] ~ ' is null or '
            ~ old_row ~ ' is distinct from ' ~ fresh_row ~ ')'
        ) -%}
        {#- whoever reads the journal has had what was there at the last build that succeeded -#}
        {%- do run_query('delete from ' ~ journal ~ ' where journal_build <= ' ~ build.done_build_id) -%}
        {%- for relation, sign in [(leaving, -1), (coming, 1)] -%}
            {%- do run_query(
                'insert into ' ~ journal ~ ' (journal_build, journal_sign, ' ~ columns | join(', ') ~ ') select '
                ~ build.build_id ~ ', ' ~ sign ~ ', ' ~ columns | join(', ') ~ ' from ' ~ relation
            ) -%}
        {%- endfor -%}
        {%- do run_query('delete from ' ~ target ~ ' where ctid in (select old_ctid from ' ~ leaving ~ ')') -%}
        {%- call statement('written') -%}
            insert into {{ target }} ({{ columns | join(', ') }}) select {{ columns | join(', ') }} from {{ coming }}
        {%- endcall -%}
        {%- do run_query('analyze ' ~ journal) -%}
    {%- endif -%}

    {%- do write_mark(build, mode, fingerprint, mode == 'create') -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# The name under which a table is made anew, whatever an interrupted build left there. #}
{% macro made_aside(target) %}
    {%- set made = make_intermediate_relation(target) -%}
    {%- do run_query('drop table if exists ' ~ made ~ ' cascade') -%}
    {{ return(made) }}
{% endmacro %}

{# Last of all: who drops a table holds the views over it, and another that is made anew would wait for them. #}
{% macro put_in_place(made, target) %}
    {%- do drop_relation_if_exists(load_cached_relation(target)) -%}
    {%- do run_query('alter table ' ~ made ~ ' rename to ' ~ adapter.quote(target.identifier)) -%}
{% endmacro %}

{# dbt's own `indexes`, and `more_indexes` for what those cannot say: columns with a collation or a condition. #}
{% macro index_as_configured(relation) %}
    {%- do create_indexes(relation) -%}
    {%- for what in config.meta_get('more_indexes', []) -%}
        {%- do run_query('create index on ' ~ relation ~ ' ' ~ what) -%}
    {%- endfor -%}
{% endmacro %}

{% macro write_mark(build, mode, fingerprint, is_made_anew) %}
    {#- what is tried alongside is not what readers go on from -#}
    {%- if var('alongside') -%}{{ return('') }}{%- endif -%}
    {%- set anew = build.build_id if is_made_anew else 0 -%}
    {%- set query -%}
        insert into sync.model_marks as marks (model, build_id, window_to, inputs, mode, made_anew_in)
        values (
            '{{ this.name }}', {{ build.build_id }}, '{{ build.window_to }}', '{{ fingerprint }}', '{{ mode }}',
            {{ anew }}
        )
        on conflict (model) do update
        set
            build_id = excluded.build_id, window_to = excluded.window_to, inputs = excluded.inputs,
            mode = excluded.mode, made_anew_in = greatest(marks.made_anew_in, excluded.made_anew_in),
            marked_at = excluded.marked_at
    {%- endset -%}
    {%- do run_query(query) -%}
{% endmacro %}
