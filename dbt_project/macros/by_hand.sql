{#
    dbt by hand: `dbt build`, an IDE's button, `make dbt`. Whatever only reads just works. Tables and views that are made whole
    are made, and the next build makes them again, whatever it would see that is new. Incremental tables are left to builds,
    which know what is new and what the readers of a journal have had.
#}

{# Of an incremental table: what its materialization returns by hand, when nothing is done. #}
{% macro left_to_builds(target) %}
    {%- if flags.FULL_REFRESH -%}
        {%- do refuse('by hand it is not made anew, as who reads it would not know of it: use `make build FULL=1`.') -%}
    {%- elif is_asked_for_by_name() -%}
        {%- do refuse('it is brought up to date by a build, which knows what is new: use `make build`.') -%}
    {%- elif load_cached_relation(target) is none -%}
        {%- do refuse('it is not there, and is made by a build: use `make build`.') -%}
    {%- endif -%}
    {%- call noop_statement('main', 'LEFT TO make build', 'LEFT TO make build') -%}{%- endcall -%}
    {{ return({'relations': [target]}) }}
{% endmacro %}

{# Whether one of the words of --select is this model: its name, path or file, also with its parents or children. #}
{% macro is_asked_for_by_name() %}
    {%- set named = '([0-9]*[+@])?(.*[.:/])?' ~ model.name ~ '([.]sql)?([+][0-9]*)?' -%}
    {%- set asked = [] -%}
    {%- for selector in invocation_args_dict.get('select') or [] -%}
        {%- for word in selector.replace(',', ' ').split() if modules.re.fullmatch(named, word) -%}
            {%- do asked.append(word) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(asked | length > 0) }}
{% endmacro %}

{#
    Before a table or view is made by hand: the last build does not stand any more (`still_good` compares its settings),
    so that the next one makes it again. Times without a zone are UTC, as in builds.
#}
{% macro noted_as_made_by_hand() %}
    {%- if not execute or var('in_build') or config.get('materialized') not in ['table', 'view'] -%}
        {{ return('') }}
    {%- endif -%}
    {%- if flags.EMPTY -%}
        {%- do refuse('--empty would leave nothing in it: `dbt show` looks at a model, `make build` makes it.') -%}
    {%- endif -%}
    {%- set running = run_query("select max(build_id) from sync.builds where status = 'running'")[0][0] -%}
    {%- if running is not none -%}
        {%- do refuse('build ' ~ running ~ ' is making it. If its process is gone, `make build` goes on.') -%}
    {%- endif -%}
    set local timezone to 'UTC';
    update sync.builds
    set settings = settings || jsonb_build_object(
        'by_hand', coalesce(settings -> 'by_hand', '{}') || '{"{{ this.name }}": true}'
    )
    where build_id = (select max(build_id) from sync.builds where status = 'success')
{% endmacro %}

{#
    After a table is made by hand: the views over the one that it takes the place of are to be over this one. In a build
    they go with the old table, and are made when their turn comes.
#}
{% macro views_over_it_stay() %}
    {%- if not execute or var('in_build') or config.get('materialized') != 'table' -%}{{ return('') }}{%- endif -%}
    {%- set old = make_backup_relation(this, 'table') -%}
    {%- set query -%}
        select distinct pg_rewrite.ev_class::regclass::text, pg_get_viewdef(pg_rewrite.ev_class)
        from pg_depend
        inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
        where pg_depend.refobjid = to_regclass('{{ old }}') and pg_depend.classid = 'pg_rewrite'::regclass
    {%- endset -%}
    {%- for name, definition in run_query(query) -%}
        {%- do run_query(
            'create or replace view ' ~ name ~ ' as ' ~ definition.replace(old.identifier, this.identifier)
        ) -%}
    {%- endfor -%}
{% endmacro %}
