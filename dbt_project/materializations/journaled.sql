{#
    A table that only its changes are written to, in one transaction with the journal and the mark. The model is one
    SELECT of all its rows; what that makes of the keys that may have changed is worked out here, by one of

    merges       how each column of a row that sums rows up follows from its value before and that of the new rows
                 alone: {'events': 'count', 'first_seen_at': 'min', 'last_seen_at': 'max'}. The SELECT reads
                 new_or_all(…). See `merged` below.
    touched_by   the tables that it is made from, each with what their journal says of the first columns of the key:
                 {'int_usage__object_days': ['object_type', 'object_id']}. Those keys are looked up in the SELECT.
    compares     'always': made whole in every build, for small tables.

    Without any, the SELECT itself gives in mode changes a row, whole, for every key that may have changed; with
    `marks_gone` it has a last column `is_gone`, true for a key that has no row any more.

    The table has a unique index over `unique_key`, in its order; no column of it is ever null.
#}
{% materialization journaled, adapter='postgres' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- if not var('in_build') -%}{{ return(left_to_builds(target)) }}{%- endif -%}
    {%- set journal = target.incorporate(path={'identifier': this.name ~ '__journal'}) -%}
    {%- if var('tried_on') -%}{{ return(tried('journaled', sql)) }}{%- endif -%}
    {%- set build = this_build() -%}
    {%- do needs_a_build(build) -%}
    {#- before anything is read: what changes meanwhile is seen to have changed by the next build -#}
    {%- set made_of = inputs_to_mark(build) -%}
    {%- set mode = increment_mode() -%}
    {%- if mode != 'create' and not build.sees_rows_only -%}
        {#- what was compiled may be of another mode, if a setting was written since -#}
        {%- set sql = render(model.raw_code) -%}
    {%- endif -%}
    {%- do keeps_the_contract(sql) -%}
    {%- set keys = config.require('unique_key') -%}
    {%- set merges, touched_by = config.meta_get('merges'), config.meta_get('touched_by') -%}
    {%- set marks_gone = config.meta_get('marks_gone', false) or (mode == 'changes' and (merges or touched_by)) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set fresh = make_temp_relation(target, '__fresh') -%}
    {%- if mode == 'compare' and has_other_columns(target, sql, taken=['is_gone'] if marks_gone else []) -%}
        {%- set mode = 'create' -%}
    {%- endif -%}
    {%- if mode == 'create' -%}
        {%- set made = made_aside(target) -%}
        {%- call statement('main') -%}
            create table {{ made }} as
            select * from ({{ sql }}) as made {{ 'where not is_gone' if marks_gone }}
        {%- endcall -%}
        {%- if marks_gone -%}{%- do run_query('alter table ' ~ made ~ ' drop column is_gone') -%}{%- endif -%}
        {%- if merges -%}{%- do merges_every_column(made) -%}{%- endif -%}
        {%- do run_query(
            'alter table ' ~ made ~ ' alter ' ~ keys | join(' set not null, alter ') ~ ' set not null'
        ) -%}
        {%- do make_index(made, '(' ~ keys | join(', ') ~ ')', is_unique=true) -%}
        {%- do index_as_configured(made) -%}
        {%- do run_query('analyze ' ~ made) -%}
        {%- do put_in_place(made, target) -%}
        {%- do run_query('drop table if exists ' ~ journal ~ ' cascade') -%}
        {%- do run_query(
            'create table ' ~ journal ~ ' as select 0::bigint as journal_build, 0::smallint as journal_sign,'
            ~ ' * from ' ~ target ~ ' where false'
        ) -%}
        {%- set wrote = {'added': load_result('main').response.rows_affected} -%}
    {%- else -%}
        {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | list -%}
        {%- if mode == 'changes' and merges -%}
            {%- set rows = merged(sql, target) -%}
        {%- elif mode == 'changes' and touched_by -%}
            {%- set rows = recounted(sql, target, columns) -%}
        {%- else -%}
            {%- set rows = sql -%}
        {%- endif -%}
        {%- do run_query('create temporary table ' ~ fresh ~ ' on commit drop as ' ~ rows) -%}
        {%- do run_query('analyze ' ~ fresh) -%}
        {%- set is_same = same_key('old', 'fresh', keys) -%}
        {%- set old_row = 'row(old.' ~ columns | join(', old.') ~ ')' -%}
        {%- set fresh_row = 'row(fresh.' ~ columns | join(', fresh.') ~ ')' -%}
        {%- set stays = 'not fresh.is_gone' if marks_gone else 'true' -%}
        {%- set leaving = make_temp_relation(target, '__leaving') -%}
        {%- set coming = make_temp_relation(target, '__coming') -%}
        {%- call statement('main') -%}
            create temporary table {{ leaving }} on commit drop as
            select old.ctid as old_ctid, old.*
            from {{ target }} as old
            {{ 'left' if mode == 'compare' else 'inner' }} join {{ fresh }} as fresh on {{ is_same }}
            where fresh.{{ keys[0] }} is null or not {{ stays }} or {{ old_row }} is distinct from {{ fresh_row }}
        {%- endcall -%}
        {%- do run_query(
            'create temporary table ' ~ coming ~ ' on commit drop as select old.' ~ keys[0] ~ ' is not null as is_change,'
            ~ ' fresh.' ~ columns | join(', fresh.')
            ~ ' from ' ~ fresh ~ ' as fresh left join ' ~ target ~ ' as old on ' ~ is_same
            ~ ' where ' ~ stays ~ ' and (old.' ~ keys[0] ~ ' is null or '
            ~ old_row ~ ' is distinct from ' ~ fresh_row ~ ')'
        ) -%}
        {%- set moved = run_query(
            'select (select count(*) from ' ~ leaving ~ '), count(*), count(*) filter (where is_change) from ' ~ coming
        )[0] -%}
        {%- set wrote = {'added': moved[1] - moved[2], 'changed': moved[2], 'gone': moved[0] - moved[2]} -%}
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

    {%- do write_mark(build, mode, made_of, mode == 'create', wrote) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#
    The rows of the keys that new rows belong to: of those that came, and those that went, what the SELECT makes of them
    alone, merged into the row that is there.

    count      how many rows: plus, minus; at none the row goes. Of a table whose rows can go, one is needed.
    sum        plus, minus
    min, max, bool_or
               the least, the greatest; where that one went, it is looked for again among all rows of the key
    of x       what stands beside the row that has x, a max
#}
{% macro merged(sql, target) %}
    {%- set keys, merges = config.get('unique_key'), config.meta_get('merges') -%}
    {%- set name, told_by = new_rows_read(sql)[0] -%}
    {%- set came = rows_that(name, told_by, 'came') -%}
    {%- set went = tells_what_went(told_by) and run_query(
        'select exists (select 1 from ' ~ rows_that(name, told_by, 'went') ~ ' as went)'
    )[0][0] -%}
    {%- set searched = went and merges.values() | reject('in', ['count', 'sum']) | list -%}
    select
        {%- for key in keys %}
        {{ 'coalesce(came.' ~ key ~ ', went.' ~ key ~ ') as ' ~ key if went else 'came.' ~ key }},
        {%- endfor %}
        {%- for column, merge in merges.items() %}
        {{ merged_column(column, merge, went, searched) }} as {{ column }},
        {%- endfor %}
        {%- for column, merge in merges.items() if merge == 'count' %}
        {{ merged_column(column, merge, went, searched) }} = 0 as is_gone
        {%- else %}
        false as is_gone
        {%- endfor %}
    from ({{ sql }}) as came
    {%- if went %}
    full join ({{ sql | replace(came, rows_that(name, told_by, 'went')) }}) as went using ({{ keys | join(', ') }})
    {%- endif %}
    left join {{ target }} as earlier using ({{ keys | join(', ') }})
    {%- if searched %}
    left join lateral (
        select * from ({{ sql | replace(came, rows_that(name, told_by, 'all')) }}) as found
        where
            {{ outermost_went() }}
            {%- for key in keys %}
            and found.{{ key }} = coalesce(came.{{ key }}, went.{{ key }})
            {%- endfor %}
        {{ fence() }}
    ) as again on true
    {%- endif %}
{% endmacro %}

{% macro merged_column(column, merge, went, searched) -%}
    {%- set kept -%}
        {%- if merge == 'min' -%} least(earlier.{{ column }}, came.{{ column }})
        {%- elif merge == 'max' -%} greatest(earlier.{{ column }}, came.{{ column }})
        {%- elif merge == 'bool_or' -%} (earlier.{{ column }} is true or came.{{ column }} is true)
        {%- elif merge.startswith('of ') -%}
            case
                when earlier.{{ merge[3:] }} > came.{{ merge[3:] }} then earlier.{{ column }} else came.{{ column }}
            end
        {%- endif -%}
    {%- endset -%}
    {%- if merge in ['count', 'sum'] -%}
        coalesce(earlier.{{ column }}, 0) + coalesce(came.{{ column }}, 0)
        {{- ' - coalesce(went.' ~ column ~ ', 0)' if went }}
    {%- elif searched -%}
        case when {{ outermost_went() }} then again.{{ column }} else {{ kept }} end
    {%- else -%}
        {{ kept }}
    {%- endif -%}
{%- endmacro %}

{#
    Whether of a key that has rows still something went that was the least, the greatest or true; what lies between takes
    nothing with it.
#}
{% macro outermost_went() -%}
    {%- for column, merge in config.meta_get('merges').items() if merge == 'count' %}
        coalesce(earlier.{{ column }}, 0) + coalesce(came.{{ column }}, 0) > went.{{ column }} and
    {%- endfor %}
    (
    {%- set signs = {'min': '<=', 'max': '>=', 'bool_or': '>='} -%}
    {%- for column, merge in config.meta_get('merges').items() if merge in signs -%}
        {{ ' or ' if not loop.first }}
        {%- set went = 'went.' ~ column -%}
        coalesce({{ went }} {{ signs[merge] }} earlier.{{ column }}, {{ went }} is not null)
    {%- endfor -%}
    )
{%- endmacro %}

{#
    The rows of the keys that a journal touches, each looked up in the SELECT: that it is asked for one key goes all the
    way down to the indexes. A key that comes back without the row that it had has none any more.
#}
{% macro recounted(sql, target, columns) %}
    {%- set keys, touched_by = config.get('unique_key'), config.meta_get('touched_by') -%}
    {%- set touched = make_temp_relation(target, '__touched') -%}
    {%- set behind = tables_behind(model.unique_id) -%}
    {%- set key = keys[:(touched_by.values() | list)[0] | length] -%}
    {%- set query -%}
        create temporary table {{ touched }} on commit drop as
        {%- for name, told in touched_by.items() %}
        {{ 'union' if not loop.first }}
        select
            {%- for column in key %}
            {{ told[loop.index0] }} as {{ column }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ journal_since_mark(api.Relation.create(
            database=behind[name].database, schema=behind[name].schema, identifier=behind[name].alias
        )) }} as moved
        {%- endfor %}
        {{ 'group by ' ~ range(1, key | length + 1) | join(', ') if touched_by | length == 1 }}
    {%- endset -%}
    {%- do run_query(query) -%}
    {%- do run_query('analyze ' ~ touched) -%}
    with found as (
        select found.* from {{ touched }} as touched
        cross join lateral (
            select * from ({{ sql }}) as found
            where {{ same_key('found', 'touched', key) }}
            {{ fence() }}
        ) as found
    )
    select
        {{ columns | join(', ') }},
        false as is_gone
    from found
    union all
    select
        earlier.{{ columns | join(', earlier.') }},
        true as is_gone
    from {{ touched }} as touched
    inner join {{ target }} as earlier on {{ same_key('earlier', 'touched', key) }}
    where not exists (select 1 from found where {{ same_key('found', 'earlier', keys) }})
{% endmacro %}

{# What the SELECT reads by new_or_all, as that has noted: [name, told_by] each. #}
{% macro new_rows_read(sql) %}
    {{ return(modules.re.findall('/[*] new rows of (\\w+), told by (\\w+) [*]/', sql)) }}
{% endmacro %}

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
        {%- do make_index(relation, what) -%}
    {%- endfor -%}
{% endmacro %}

{#
    An index under a name of its own, as dbt's have one. Postgres' is cut to 63 characters and is no free one for long: two
    tables whose names begin alike, made at one moment, would get the same. And the table that this one replaces still has
    the index that an earlier invocation made.
#}
{% macro make_index(relation, what, is_unique=false) %}
    {%- set name = model.alias[:30] ~ '_' ~ local_md5([relation, what, invocation_id] | join(' ')) -%}
    {%- do run_query(
        'create ' ~ ('unique ' if is_unique) ~ 'index ' ~ adapter.quote(name) ~ ' on ' ~ relation ~ ' ' ~ what
    ) -%}
{% endmacro %}

{# What the mark says that the model is made of. A build that sees rows only reads nothing else, so that it stays. #}
{% macro inputs_to_mark(build) %}
    {%- set earlier = mark() -%}
    {{ return(earlier.inputs if build.sees_rows_only and earlier is not none else inputs()) }}
{% endmacro %}

{#
    Whether a SELECT has other columns than the table that is there, in name, type or order, but for those that are added
    to the table or taken away from the SELECT.
#}
{% macro has_other_columns(target, sql, added=[], taken=[]) %}
    {%- set probe = make_temp_relation(target, '__probe') -%}
    {%- do run_query('create temporary view ' ~ probe ~ ' as ' ~ sql) -%}
    {%- set query -%}
        select
            {%- for relation, without in [(probe, taken), (target, added)] %}
            (
                select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
                from pg_attribute
                where
                    attrelid = to_regclass('{{ relation }}') and attnum > 0 and not attisdropped
                    and attname <> all (array['{{ without | join("', '") }}'])
            ) {{ 'is distinct from' if not loop.last }}
            {%- endfor %}
    {%- endset -%}
    {%- set is_other = run_query(query)[0][0] -%}
    {%- do run_query('drop view ' ~ probe) -%}
    {{ return(is_other) }}
{% endmacro %}

{# `wrote`: the rows that were added, changed and gone. #}
{% macro write_mark(build, mode, made_of, is_made_anew, wrote) %}
    {#- what is tried alongside is not what readers go on from -#}
    {%- if var('alongside') and not var('tried_on') -%}{{ return('') }}{%- endif -%}
    {%- set anew = build.build_id if is_made_anew else 0 -%}
    {%- set query -%}
        insert into {{ in_sync('model_marks') }} as marks (
            model, build_id, window_to, inputs, shape, mode, made_anew_in, rows_added, rows_changed, rows_gone
        )
        values (
            '{{ this.name }}', {{ build.build_id }}, '{{ build.window_to }}', '{{ made_of }}', '{{ table_shape() }}',
            '{{ mode }}', {{ anew }}, {{ wrote.added }}, {{ wrote.changed or 0 }}, {{ wrote.gone or 0 }}
        )
        on conflict (model) do update
        set
            build_id = excluded.build_id, window_to = excluded.window_to, inputs = excluded.inputs,
            shape = excluded.shape, mode = excluded.mode,
            made_anew_in = greatest(marks.made_anew_in, excluded.made_anew_in),
            rows_added = excluded.rows_added, rows_changed = excluded.rows_changed, rows_gone = excluded.rows_gone,
            marked_at = excluded.marked_at
    {%- endset -%}
    {%- do run_query(query) -%}
{% endmacro %}
