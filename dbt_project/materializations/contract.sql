{# What a journaled model owes its materialization: whatever it forgot is said in words, before anything is written. #}

{% macro keeps_the_contract(sql) %}
    {%- set keys, merges, touched_by = config.get('unique_key'), config.meta_get('merges'), config.meta_get('touched_by') -%}
    {%- set ways = [] -%}
    {%- for way in ['merges', 'touched_by', 'compares', 'marks_gone'] if config.meta_get(way) -%}
        {%- do ways.append(way) -%}
    {%- endfor -%}
    {%- if not keys or keys is string -%}
        {%- do refuse('say in unique_key, a list, by which columns a row is found.') -%}
    {%- elif ways | length > 1 -%}
        {%- do refuse(ways | join(' and ') ~ ' are answers to the same question: keep one of them.') -%}
    {%- elif this.name | length > 63 - '__journal' | length -%}
        {%- do refuse('with __journal its name is longer than the 63 characters that Postgres keeps.') -%}
    {%- endif -%}
    {%- set reads = new_rows_read(sql) -%}
    {%- for name, told_by in reads if not merges and tells_what_went(told_by) -%}
        {%- do refuse(
            'it reads what is new of ' ~ told_by ~ ', of which rows go too: say in merges how its columns follow,'
            ~ ' or name it in touched_by and read ref(\'' ~ name ~ '\').'
        ) -%}
    {%- endfor -%}
    {%- if merges -%}{%- do merges_can_work(keys, merges, reads) -%}{%- endif -%}
    {%- if touched_by -%}{%- do touched_by_is_whole(keys, touched_by) -%}{%- endif -%}
{% endmacro %}

{% macro merges_can_work(keys, merges, reads) %}
    {%- if reads | length != 1 -%}
        {%- do refuse(
            'to merge, it must read the new rows of one model, once, by new_or_all(…); it reads '
            ~ (reads | map('first') | join(' and ') or 'none') ~ '.'
        ) -%}
    {%- endif -%}
    {%- set counts = [] -%}
    {%- for column, merge in merges.items() -%}
        {%- if merge == 'count' -%}{%- do counts.append(column) -%}{%- endif -%}
        {%- if merge not in ['count', 'sum', 'min', 'max', 'bool_or'] and merges.get(merge[3:]) != 'max' -%}
            {%- do refuse(
                'merges has ' ~ column ~ ': ' ~ merge ~ '. A column is a count, sum, min, max, bool_or, or stands beside'
                ~ ' another that is a max (of x).'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if counts | length > 1 -%}
        {%- do refuse('merges has more than one count, of the rows of a key; others are a sum.') -%}
    {%- elif not counts and tells_what_went(reads[0][1]) -%}
        {%- do refuse(
            'rows of ' ~ reads[0][1] ~ ' go too: without a count in merges nobody knows when a key has none any more.'
        ) -%}
    {%- endif -%}
{% endmacro %}

{# Columns are known once the table is made. #}
{% macro merges_every_column(made) %}
    {%- set others = [] -%}
    {%- for column in adapter.get_columns_in_relation(made) if column.name not in config.get('unique_key') -%}
        {%- do others.append(column.name) -%}
        {%- if config.meta_get('merges')[column.name] in ['count', 'sum'] and column.is_float() -%}
            {%- do refuse(column.name ~ ' is a sum of floats, which depends on their order: cast it to numeric.') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set unsaid = others | reject('in', config.meta_get('merges')) | list -%}
    {%- set unknown = config.meta_get('merges') | reject('in', others) | list -%}
    {%- if unsaid -%}
        {%- do refuse('merges does not say how ' ~ unsaid | join(', ') ~ ' follows from before and from what is new.') -%}
    {%- elif unknown -%}
        {%- do refuse('merges names ' ~ unknown | join(', ') ~ ', which is no column of it beside the key.') -%}
    {%- endif -%}
{% endmacro %}

{# Every table that the SELECT is made from, directly or through views, tells which keys it touches. #}
{% macro touched_by_is_whole(keys, touched_by) %}
    {%- set behind = tables_behind(model.unique_id) -%}
    {%- for name in behind if name not in touched_by -%}
        {%- if config_of(name).materialized == 'journaled' -%}
            {%- do refuse('it is made from ' ~ name ~ ' too: say in touched_by which keys the journal of that touches.') -%}
        {%- else -%}
            {%- do refuse('it is made from ' ~ name ~ ', which has no journal and cannot tell which keys it touches.') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in touched_by if name not in behind -%}
        {%- do refuse('touched_by names ' ~ name ~ ', which it is not made from.') -%}
    {%- endfor -%}
    {%- set lengths = touched_by.values() | map('length') | unique | list -%}
    {%- if lengths | length > 1 or lengths[0] > keys | length -%}
        {%- do refuse('touched_by says of each table the same first columns of the key: ' ~ keys | join(', ') ~ '.') -%}
    {%- endif -%}
{% endmacro %}

{# The tables that a model is made from, through views, by name: its node. #}
{% macro tables_behind(unique_id) %}
    {%- set ids, tables = [unique_id], {} -%}
    {%- for id in ids -%}
        {%- for parent in graph.nodes[id].depends_on.nodes if parent.startswith('model.') and parent not in ids -%}
            {%- if graph.nodes[parent].config.materialized == 'view' -%}
                {%- do ids.append(parent) -%}
            {%- else -%}
                {%- do tables.update({graph.nodes[parent].name: graph.nodes[parent]}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(tables) }}
{% endmacro %}

{% macro refuse(problem) %}
    {%- do exceptions.raise_compiler_error(this.name ~ ': ' ~ problem) -%}
{% endmacro %}
