{#
    What the materializations make of a model that is tried beside the truth (macros/tried.sql). Nothing of the truth is
    written: a table is the truth without the rows that leave, and with those that come, as a view over both; where most
    of it differs, or its columns do, a table. `x__journal` holds what left (journal_sign -1) and came (+1).
#}

{% macro tried(materialized, sql) %}
    {%- if not is_reached() -%}
        {%- call noop_statement('main', 'NOT REACHED', 'NOT REACHED') -%}{%- endcall -%}
        {{ return({'relations': []}) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if materialized == 'view' -%}{%- do tried_view(sql) -%}
    {%- elif materialized == 'table' -%}{%- do tried_table(sql) -%}
    {%- elif materialized == 'appended' -%}{%- do tried_appended(sql) -%}
    {%- else -%}{%- do tried_journaled(sql) -%}
    {%- endif -%}
    {{ adapter.commit() }}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{% endmacro %}

{# The relation whose place one in a try takes. #}
{% macro the_truth() %}
    {{ return(api.Relation.create(
        database=this.database, schema=as_in_truth(this.schema), identifier=this.identifier, type='table'
    )) }}
{% endmacro %}

{% macro journal_of_try() %}
    {{ return(this.incorporate(path={'identifier': this.name ~ '__journal'})) }}
{% endmacro %}

{# Frees the place that a view of the truth holds; none but views of this try hang on it. #}
{% macro make_way() %}
    {%- do run_query('drop view if exists ' ~ this ~ ' cascade') -%}
{% endmacro %}

{% macro tried_view(sql) %}
    {%- do make_way() -%}
    {%- call statement('main') -%}
        create view {{ this }} as {{ sql }}
    {%- endcall -%}
    {%- do note_tried('view', true) -%}
{% endmacro %}

{# Made whole, and the same as before if each of its rows is. #}
{% macro tried_table(sql) %}
    {%- set made = make_intermediate_relation(this) -%}
    {%- do run_query('drop table if exists ' ~ made) -%}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, made, sql) }}
    {%- endcall -%}
    {%- do tried_whole('table', made) -%}
{% endmacro %}

{# Puts a table that was made whole into its place, unless it is what the truth is, and notes what differs. #}
{% macro tried_whole(mode, made, without=[]) %}
    {%- set truth = the_truth() -%}
    {%- set is_other = other_columns(made, truth) -%}
    {%- set came, went = none, none -%}
    {%- set journal = journal_of_try() -%}
    {%- if not is_other -%}
        {%- set columns = [] -%}
        {%- for column in adapter.get_columns_in_relation(made) if column.name not in without -%}
            {%- do columns.append(column.quoted) -%}
        {%- endfor -%}
        {%- set columns = columns | join(', ') -%}
        {%- do run_query('drop view if exists ' ~ journal) -%}
        {#- rows may be alike: counted. As text, as an equal number may be written otherwise. -#}
        {%- set query -%}
            create table {{ journal }} as
            with told as (
                select 1 as journal_sign, {{ columns }} from {{ made }}
                union all
                select -1, {{ columns }} from {{ truth }}
            ),

            moved as (
                select md5(row({{ columns }})::text) as moved_row, sum(journal_sign) as moved_times
                from told
                group by md5(row({{ columns }})::text)
                having sum(journal_sign) <> 0
            ),

            numbered as (
                select
                    told.*, moved_times,
                    row_number() over (partition by moved_row, journal_sign) as moved_number
                from told
                inner join moved
                    on md5(row({{ columns }})::text) = moved_row and sign(moved_times) = journal_sign
            )

            select {{ var('tried_on') + 1 }}::bigint as journal_build, journal_sign::smallint as journal_sign, {{ columns }}
            from numbered
            where moved_number <= abs(moved_times)
        {%- endset -%}
        {%- do run_query(query) -%}
        {%- set counts = run_query(
            'select count(*) filter (where journal_sign = 1), count(*) filter (where journal_sign = -1) from ' ~ journal
        )[0] -%}
        {%- set came, went = counts[0], counts[1] -%}
    {%- endif -%}
    {%- if not is_other and came + went == 0 -%}
        {%- do run_query('drop table ' ~ journal) -%}
        {%- do run_query(
            'create view ' ~ journal ~ ' as select 0::bigint as journal_build, 0::smallint as journal_sign, *'
            ~ ' from ' ~ truth ~ ' where false'
        ) -%}
        {%- do run_query('drop table ' ~ made) -%}
    {%- else -%}
        {%- do make_way() -%}
        {%- do run_query('alter table ' ~ made ~ ' rename to ' ~ adapter.quote(this.identifier)) -%}
        {%- if mode == 'table' -%}
            {%- do create_indexes(this) -%}
        {%- endif -%}
        {%- do run_query('analyze ' ~ this) -%}
    {%- endif -%}
    {%- do note_tried(mode, is_other or came + went > 0, came, went) -%}
{% endmacro %}

{# Whether two relations have other columns, in name, type or order; a relation that is not there has others. #}
{% macro other_columns(one, other) %}
    {%- set query -%}
        select
            {%- for relation in [one, other] %}
            (
                select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
                from pg_attribute
                where attrelid = to_regclass('{{ relation }}') and attnum > 0 and not attisdropped
            ) {{ 'is distinct from' if not loop.last }}
            {%- endfor %}
    {%- endset -%}
    {{ return(run_query(query)[0][0]) }}
{% endmacro %}

{% macro tried_appended(sql) %}
    {%- set build = this_build() -%}
    {%- set made_of = inputs_to_mark(build) -%}
    {%- set mode = increment_mode() -%}
    {%- set is_signed, keeps_rows = config.meta_get('is_signed', false), config.meta_get('keeps_rows', false) -%}
    {%- set made = make_intermediate_relation(this) -%}
    {%- do run_query('drop table if exists ' ~ made) -%}
    {%- call statement('main') -%}
        create table {{ made }} as
        select *, {{ build.build_id }}::bigint as build_id from ({{ sql }}) as made
        {{ 'where false' if mode != 'changes' and (is_signed or keeps_rows) }}
    {%- endcall -%}
    {%- set added = load_result('main').response.rows_affected -%}
    {%- do run_query('analyze ' ~ made) -%}
    {%- if mode == 'changes' and not is_signed -%}
        {%- if added -%}
            {%- set journal = journal_of_try() -%}
            {%- do run_query('alter table ' ~ made ~ ' rename to ' ~ adapter.quote(journal.identifier)) -%}
            {%- do make_way() -%}
            {%- do run_query(
                'create view ' ~ this ~ ' as select * from ' ~ the_truth() ~ ' union all select * from ' ~ journal
            ) -%}
        {%- else -%}
            {%- do run_query('drop table ' ~ made) -%}
        {%- endif -%}
        {%- do note_tried(mode, added > 0, added, 0) -%}
    {%- elif is_signed or keeps_rows -%}
        {%- if is_signed -%}
            {%- do make_way() -%}
            {%- do run_query('alter table ' ~ made ~ ' rename to ' ~ adapter.quote(this.identifier)) -%}
        {%- else -%}
            {%- do run_query('drop table ' ~ made) -%}
        {%- endif -%}
        {#- that its text or a view that it reads is another says nothing yet, but readers must compare -#}
        {%- do note_tried(mode, mode != 'changes' or added > 0) -%}
    {%- else -%}
        {%- do index_as_configured(made) -%}
        {%- do tried_whole(mode, made, without=['build_id']) -%}
    {%- endif -%}
    {%- do write_mark(build, mode, made_of, mode != 'changes', {'added': added}) -%}
{% endmacro %}

{% macro tried_journaled(sql) %}
    {%- set build = this_build() -%}
    {%- set made_of = inputs_to_mark(build) -%}
    {%- set mode = increment_mode() -%}
    {%- do keeps_the_contract(sql) -%}
    {%- set keys = config.require('unique_key') -%}
    {%- set merges, touched_by = config.meta_get('merges'), config.meta_get('touched_by') -%}
    {%- set marks_gone = config.meta_get('marks_gone', false) or (mode == 'changes' and (merges or touched_by)) -%}
    {%- set truth, journal = the_truth(), journal_of_try() -%}
    {%- if mode == 'compare' and has_other_columns(this, sql, taken=['is_gone'] if marks_gone else []) -%}
        {%- set mode = 'create' -%}
    {%- endif -%}
    {%- if mode == 'create' -%}
        {%- set made = make_intermediate_relation(this) -%}
        {%- do run_query('drop table if exists ' ~ made) -%}
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
        {%- do make_way() -%}
        {%- do run_query('alter table ' ~ made ~ ' rename to ' ~ adapter.quote(this.identifier)) -%}
        {%- do run_query('drop view if exists ' ~ journal) -%}
        {%- do run_query(
            'create table ' ~ journal ~ ' as select 0::bigint as journal_build, 0::smallint as journal_sign,'
            ~ ' * from ' ~ this ~ ' where false'
        ) -%}
        {%- do note_tried(mode, true) -%}
        {%- do write_mark(build, mode, made_of, true, {'added': load_result('main').response.rows_affected}) -%}
        {{ return('') }}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(truth) | map(attribute='quoted') | list -%}
    {%- if mode == 'changes' and merges -%}
        {%- set rows = merged(sql, this) -%}
    {%- elif mode == 'changes' and touched_by -%}
        {%- set rows = recounted(sql, this, columns) -%}
    {%- else -%}
        {%- set rows = sql -%}
    {%- endif -%}
    {%- set fresh = make_temp_relation(this, '__fresh') -%}
    {%- call statement('main') -%}
        create temporary table {{ fresh }} on commit drop as {{ rows }}
    {%- endcall -%}
    {%- do run_query('analyze ' ~ fresh) -%}
    {%- set is_same = same_key('old', 'fresh', keys) -%}
    {%- set old_row = 'row(old.' ~ columns | join(', old.') ~ ')' -%}
    {%- set fresh_row = 'row(fresh.' ~ columns | join(', fresh.') ~ ')' -%}
    {%- set stays = 'not fresh.is_gone' if marks_gone else 'true' -%}
    {%- do run_query('drop view if exists ' ~ journal) -%}
    {%- set query -%}
        create table {{ journal }} as
        select
            {{ build.build_id }}::bigint as journal_build, (-1)::smallint as journal_sign,
            old.{{ columns | join(', old.') }}
        from {{ truth }} as old
        {{ 'left' if mode == 'compare' else 'inner' }} join {{ fresh }} as fresh on {{ is_same }}
        where fresh.{{ keys[0] }} is null or not {{ stays }} or {{ old_row }} is distinct from {{ fresh_row }}
        union all
        select {{ build.build_id }}::bigint, 1::smallint, fresh.{{ columns | join(', fresh.') }}
        from {{ fresh }} as fresh
        left join {{ truth }} as old on {{ is_same }}
        where {{ stays }} and (old.{{ keys[0] }} is null or {{ old_row }} is distinct from {{ fresh_row }})
    {%- endset -%}
    {%- do run_query(query) -%}
    {%- set counts = run_query(
        'select count(*) filter (where journal_sign = 1), count(*) filter (where journal_sign = -1),'
        ~ " (select greatest(reltuples, 0)::bigint from pg_class where oid = '" ~ truth ~ "'::regclass) from " ~ journal
    )[0] -%}
    {%- if counts[0] + counts[1] == 0 -%}
        {%- do run_query('drop table ' ~ journal) -%}
        {%- do run_query(
            'create view ' ~ journal ~ ' as select 0::bigint as journal_build, 0::smallint as journal_sign, *'
            ~ ' from ' ~ truth ~ ' where false'
        ) -%}
    {%- else -%}
        {%- do make_way() -%}
        {%- do make_index(journal, '(' ~ keys | join(', ') ~ ')') -%}
        {%- do run_query('analyze ' ~ journal) -%}
        {%- if mode == 'compare' and counts[0] + counts[1] > counts[2] -%}
            {#- most of it differs: a copy is cheaper than a view over both -#}
            {%- do run_query(
                'create table ' ~ this ~ ' as select ' ~ columns | join(', ') ~ ' from ' ~ fresh ~ ' as fresh where ' ~ stays
            ) -%}
            {%- do make_index(this, '(' ~ keys | join(', ') ~ ')', is_unique=true) -%}
            {%- do index_as_configured(this) -%}
            {%- do run_query('analyze ' ~ this) -%}
        {%- else -%}
            {%- set query -%}
                create view {{ this }} as
                select {{ columns | join(', ') }} from {{ truth }} as old
                where not exists (
                    select 1 from {{ journal }} as journal
                    where journal_sign = -1 and {{ same_key('journal', 'old', keys) }}
                )
                union all
                select {{ columns | join(', ') }} from {{ journal }}
                where journal_sign = 1
            {%- endset -%}
            {%- do run_query(query) -%}
        {%- endif -%}
    {%- endif -%}
    {%- do note_tried(mode, counts[0] + counts[1] > 0, counts[0], counts[1]) -%}
    {%- do write_mark(build, mode, made_of, false, {'added': counts[0]}) -%}
{% endmacro %}
