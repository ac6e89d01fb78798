{#
    Incremental tables, in three words.

    mark      A row of sync.model_marks: up to which build, and which commits, a table holds everything.
              Written in the transaction that changes the table.
    journal   Beside a journaled table, the rows that a build took away (sign -1) and those that it put
              in their place (sign +1). Whoever is made from the table reads the journal since its own mark
              and is right again, whatever was interrupted in between.
    mode      create    there is no table yet, it gets other columns, keys or indexes, or a full refresh was asked for:
                        made from everything
              compare   its text or a setting that it reads has changed: everything is made anew, and only the rows
                        that differ are written (and journaled)
              changes   only what has changed since the mark is looked at
              whole     no mark to go on from: a table that is made whole, in a build that sees rows only

    What a model is made from besides rows is found, not listed: see inputs.sql.
#}

{#
    The build that this is, and the snapshot that it sees; by hand, the last one's. `sees_rows_only`: nothing but rows is
    new since the build before, no setting, no day, no text of a model.
#}
{% macro this_build() %}
    {%- if not execute -%}
        {{ return({
            'build_id': 0, 'is_running': false, 'done_build_id': 0, 'window_to': '', 'sees_rows_only': false,
        }) }}
    {%- endif -%}
    {%- if var('alongside') -%}
        {%- set tried_on = var('tried_on') | int -%}
        {{ return({
            'build_id': tried_on + 1 if tried_on else 0, 'is_running': true, 'done_build_id': tried_on,
            'window_to': var('alongside_window'), 'sees_rows_only': false,
        }) }}
    {%- endif -%}
    {%- set known = remembered('this_build') -%}
    {%- if known is not none -%}{{ return(known) }}{%- endif -%}
    {%- set query -%}
        select
            coalesce(max(build_id), 0) as build_id,
            coalesce(bool_or(status = 'running' and {{ var('in_build') }}), false) as is_running,
            coalesce(max(build_id) filter (where status = 'success'), 0) as done_build_id,
            coalesce(
                (array_agg(window_to order by build_id desc))[1], pg_current_snapshot()
            )::text as window_to,
            coalesce(bool_or(status = 'running' and sees_rows_only and {{ var('in_build') }}), false) as sees_rows_only
        from sync.builds
    {%- endset -%}
    {%- set row = run_query(query)[0] -%}
    {{ return(remember('this_build', {
        'build_id': row[0] | int, 'is_running': row[1], 'done_build_id': row[2] | int, 'window_to': row[3],
        'sees_rows_only': row[4],
    })) }}
{% endmacro %}

{# What was asked once while a node compiles, or runs; none: it was not. A stored result can be loaded once. #}
{% macro remembered(name) %}
    {%- set said = load_result('remembered ' ~ name) -%}
    {%- if said is none -%}{{ return(none) }}{%- endif -%}
    {{ return(remember(name, fromjson(said.response | string))) }}
{% endmacro %}

{% macro remember(name, value) %}
    {%- do store_raw_result('remembered ' ~ name, message=tojson(value)) -%}
    {{ return(value) }}
{% endmacro %}

{# By hand there is no window and no build to mark: readers of a journal would never see its rows. #}
{% macro needs_a_build(build) %}
    {%- if execute and not build.is_running -%}
        {%- do exceptions.raise_compiler_error(
            this.name ~ ' is brought up to date by a build, which knows what is new: use `make build`.'
        ) -%}
    {%- endif -%}
{% endmacro %}

{# The model's mark, or none. #}
{% macro mark() %}
    {%- if not execute or model.resource_type != 'model' or remembered('is read whole') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set known = remembered('mark') -%}
    {%- if known is not none -%}{{ return(known or none) }}{%- endif -%}
    {%- set query -%}
        select build_id, window_to::text, inputs, shape from {{ in_sync('model_marks') }} where model = '{{ this.name }}'
    {%- endset -%}
    {%- set rows = run_query(query) -%}
    {%- set found = {
        'build_id': rows[0][0] | int, 'window_to': rows[0][1], 'inputs': rows[0][2], 'shape': rows[0][3],
    } if rows else {} -%}
    {{ return(remember('mark', found) or none) }}
{% endmacro %}

{# create, compare or changes: see above. By hand, everything is looked at. #}
{% macro increment_mode() %}
    {%- if
        not execute or model.resource_type != 'model' or should_full_refresh()
        or (var('alongside') and not var('tried_on')) or remembered('is read whole')
    -%}
        {{ return('create') }}
    {%- endif -%}
    {%- if var('tried_on') and not is_reached() -%}{{ return('changes') }}{%- endif -%}
    {{ return(remembered('mode') or remember('mode', mode_by_mark())) }}
{% endmacro %}

{% macro mode_by_mark() %}
    {%- set build = this_build() -%}
    {%- if not build.is_running -%}{{ return('create') }}{%- endif -%}
    {%- set mark, there = mark(), load_cached_relation(this) -%}
    {%- set is_no_table = there is none or (there.is_view and not var('tried_on')) -%}
    {%- if mark is none or is_no_table or mark.shape != table_shape() -%}
        {{ return('create') }}
    {%- endif -%}
    {%- if
        config.meta_get('compares') == 'always' or is_tried_itself()
        or (not build.sees_rows_only and mark.inputs != inputs())
    -%}
        {{ return('compare') }}
    {%- endif -%}
    {%- set query -%}
        select count(*) from {{ in_sync('model_marks') }}
        where made_anew_in > {{ mark.build_id }} and model in ('{{ ancestors(model.unique_id) | join("', '") }}')
    {%- endset -%}
    {{ return('compare' if run_query(query)[0][0] > 0 else 'changes') }}
{% endmacro %}

{# The names of all models that one is made from, directly or not. #}
{% macro ancestors(unique_id) %}
    {%- set ids = [unique_id] -%}
    {%- for id in ids -%}
        {%- for parent in (graph.nodes.get(id) or {'depends_on': {'nodes': []}}).depends_on.nodes -%}
            {%- if parent.startswith('model.') and parent not in ids -%}{%- do ids.append(parent) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set names = [] -%}
    {%- for id in ids[1:] -%}{%- do names.append(id.split('.')[-1]) -%}{%- endfor -%}
    {{ return(names) }}
{% endmacro %}

{# The journal of a table, with journal_build and journal_sign. #}
{% macro whole_journal(table) -%}
    {{ table.incorporate(path={'identifier': table.identifier ~ '__journal'}) }}
{%- endmacro %}

{# In mode changes: the journal of a model, since this model's mark, as (journal_sign, columns …). #}
{% macro journal(name) -%}
    {{ journal_since_mark(ref(name)) }}
{%- endmacro %}

{% macro journal_since_mark(table) -%}
    (
        select * from {{ whole_journal(table) }}
        where journal_build > {{ (mark() or {'build_id': 0}).build_id }}
    )
{%- endmacro %}

{# In mode changes: the rows of an appended model that are new since this model's mark. #}
{% macro new_rows(name) -%}
    (
        select * from {{ ref(name) }}
        where build_id > {{ (mark() or {'build_id': 0}).build_id }}
    )
{%- endmacro %}

{#
    All rows of a model or, in mode changes, those that are new since this model's mark. What is new of a view, another
    model may tell (`told_by`), with a sign. The note beside them tells the materialization what it reads there: it asks
    for what went in the same way.
#}
{% macro new_or_all(name, told_by=none) -%}
    {%- set all, telling = ref(name), ref(told_by or name) -%}
    /* new rows of {{ name }}, told by {{ told_by or name }} */
    {{ rows_that(name, told_by or name, 'came') if execute and increment_mode() == 'changes' else all }}
{%- endmacro %}

{# Of the rows that new_or_all reads those that came, or went, or all that there are. #}
{% macro rows_that(name, told_by, which) -%}
    {%- set since = (mark() or {'build_id': 0}).build_id -%}
    {%- set sign = 'journal_sign ' ~ ('<' if which == 'went' else '>') ~ ' 0' -%}
    {%- if which == 'all' -%}
        {{ ref(name) }}
    {%- elif config_of(told_by).materialized == 'journaled' -%}
        (select * from {{ whole_journal(ref(told_by)) }} where journal_build > {{ since }} and {{ sign }})
    {%- elif tells_what_went(told_by) -%}
        (select * from {{ ref(told_by) }} where build_id > {{ since }} and {{ sign }})
    {%- else -%}
        (select * from {{ ref(told_by) }} where build_id > {{ since }})
    {%- endif -%}
{%- endmacro %}

{# Whether rows of a model can go, and it tells which. #}
{% macro tells_what_went(name) %}
    {%- set configured = config_of(name) -%}
    {{ return(configured.materialized == 'journaled' or configured.meta.get('is_signed', false)) }}
{% endmacro %}

{% macro config_of(name) %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ name].config) }}
{% endmacro %}

{# Landed calls: in mode changes those committed since this model's mark, else all that the build sees. #}
{% macro landed_calls() -%}
    {%- if not execute or model.resource_type != 'model' or remembered('is read whole') -%}
    (select * from {{ source('raw_segment', 'events') }})
    {%- else -%}
    {%- set hi = this_build().window_to -%}
    {%- set mode = increment_mode() -%}
    {%- set fresh -%}
        pg_visible_in_snapshot(transaction_id, '{{ hi }}')
        {%- if mode == 'changes' %}
        and transaction_id >= pg_snapshot_xmin('{{ mark().window_to }}')
        and not pg_visible_in_snapshot(transaction_id, '{{ mark().window_to }}')
        {%- endif %}
    {%- endset -%}
    {%- set bounds = run_query(
        'select coalesce(min(load_id), 0), coalesce(max(load_id), -1), count(*) from raw_segment.loads where ' ~ fresh
    )[0] -%}
    (
        select events.* from {{ source('raw_segment', 'events') }} as events
        -- the bounds are for the small index over load ids
        where
            events.load_id between {{ bounds[0] }} and {{ bounds[1] }}
            {%- if bounds[2] <= bounds[1] - bounds[0] %}
            -- there are others between them
            and events.load_id in (
                select load_id from {{ source('raw_segment', 'loads') }}
                where load_id between {{ bounds[0] }} and {{ bounds[1] }} and {{ fresh }}
            )
            {%- endif %}
    )
    {%- endif -%}
{%- endmacro %}

{# Sorts like (event_at, message_id), the one order of §3.0: its least and greatest are first and last. #}
{% macro place(event_at='event_at', message_id='message_id') -%}
    (to_char({{ event_at }} at time zone 'UTC', 'YYYYMMDDHH24MISSUS') || {{ message_id }}) collate "C"
{%- endmacro %}

{% macro place_message_id(place) -%} substr({{ place }}, 21) {%- endmacro %}

{% macro place_event_at(place) -%}
    (to_timestamp(left({{ place }}, 20), 'YYYYMMDDHH24MISSUS')::timestamp at time zone 'UTC')
{%- endmacro %}

{# The condition that two rows have the same key. #}
{% macro same_key(one, other, key) -%}
    {%- for column in key %}
            {{ 'and ' if not loop.first }}{{ one }}.{{ column }} = {{ other }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{# A threshold where SQL takes no column: as it is when the model compiles. #}
{% macro threshold(name, default) -%}
    {%- if not execute -%}{{ return(default) }}{%- endif -%}
    {{ return(run_query(
        'select value from ' ~ in_sync('thresholds') ~ " where threshold = '" ~ name ~ "'"
    )[0][0]) }}
{%- endmacro %}
