{#
    What an incremental model is made from besides the rows that tell of their changes, as a fingerprint in its mark. Where
    it differs, the model is compared. Nothing is listed by hand; it is made of

    its text       as it stands without any mark, with whatever macros wrote into it: key names, the as-of date, a number
    its config     what dbt does not know: how it merges, what touches it
    views          through which it reads, as Postgres has them, and the columns of all that it reads
    tables         that are made whole each time and looked things up in: their text, and what is behind that
    settings       the rows of each relation that it reads, directly or through views, that comes of settings alone: of
                   the sources that say `is_setting` (models/staging/sources.yml)

    What comes to it through tables that keep marks is none of its business: they tell it what differs.
#}
{% macro inputs() %}
    {%- set known = remembered('inputs') -%}
    {%- if known is not none -%}{{ return(known) }}{%- endif -%}
    {%- set read = what_is_read(model.unique_id) -%}
    {%- set parts = [local_md5(
        as_in_truth(text_as_a_whole()) ~ tojson(config.get('meta', {}), sort_keys=true)
        ~ texts_behind_tables(read.tables) | join(' ')
    )] -%}
    {%- set differing, looked_at, names = differing_relations(), [], [] -%}
    {%- for relation in read.relations -%}
        {%- do names.append(as_in_truth(relation)) -%}
        {%- do looked_at.append(relation if relation in differing else as_in_truth(relation)) -%}
    {%- endfor -%}
    {%- set query -%}
        select md5(string_agg(read.name || said.of_view || said.columns, e'\n' order by read.name collate "C"))
        from unnest(
            -- cast, as there may be none; before Postgres 16 an empty name is refused
            array[{{ "'" ~ names | join("', '") ~ "'" if names }}]::text [],
            array[{{ "'" ~ looked_at | join("', '") ~ "'" if names }}]::text []
        ) as read (name, relation)
        cross join lateral (
            select
                case
                    when read.relation = any(array['{{ read.views | join("', '") }}'])
                        then replace(pg_get_viewdef(pg_class.oid), '{{ var("alongside") }}', '')
                    else ''
                end as of_view,
                (
                    select string_agg(attname || format_type(atttypid, atttypmod), ' ' order by attnum)
                    from pg_attribute
                    where attrelid = pg_class.oid and attnum > 0 and not attisdropped
                ) as columns
            from pg_class
            where pg_class.oid = to_regclass(read.relation)
        ) as said
    {%- endset -%}
    {%- do parts.append(run_query(query)[0][0] | string) -%}
    {%- for relation in read.settings -%}
        {%- set query -%}
            select md5(coalesce(string_agg(each::text, e'\n' order by each::text collate "C"), ''))
            from {{ relation }} as each
        {%- endset -%}
        {%- do parts.append(run_query(query)[0][0] | string) -%}
    {%- endfor -%}
    {{ return(remember('inputs', parts | join(' '))) }}
{% endmacro %}

{# What another table must be made for: its key, its indexes, what kind of table it is. #}
{% macro table_shape() %}
    {%- set meta = config.get('meta', {}) -%}
    {{ return(local_md5(tojson([
        config.get('materialized'), config.get('unique_key'), config.get('indexes'), meta.get('more_indexes'),
        meta.get('is_signed'), meta.get('keeps_rows'),
    ]))) }}
{% endmacro %}

{# The model's text as if it was made for the first time: no marks and no windows in it, which differ in each build. #}
{% macro text_as_a_whole() %}
    {%- do remember('is read whole', true) -%}
    {%- set text = render(model.raw_code) -%}
    {%- do remember('is read whole', false) -%}
    {{ return(text) }}
{% endmacro %}

{#
    Of the relations that a model reads, directly or through views, those that come of settings alone (`settings`), and
    all others (`relations`), by the names that Postgres knows; which of those are `views`; `tables`: which are made whole
    each time, by id.
#}
{% macro what_is_read(unique_id) %}
    {%- set ids, relations, settings, tables, views = [unique_id], [], [], [], [] -%}
    {%- for id in ids -%}
        {%- for parent in graph.nodes[id].depends_on.nodes if parent not in ids and parent in graph.nodes -%}
            {%- set node = graph.nodes[parent] -%}
            {%- if comes_of_settings(parent) -%}
                {%- if node.relation_name not in settings -%}{%- do settings.append(node.relation_name) -%}{%- endif -%}
            {%- else -%}
                {%- if node.relation_name not in relations -%}
                    {%- do relations.append(node.relation_name) -%}
                {%- endif -%}
                {%- if node.config.materialized == 'view' -%}
                    {%- do ids.append(parent) -%}
                    {#- in a try it may stand there or in the truth -#}
                    {%- do views.extend([node.relation_name, as_in_truth(node.relation_name)]) -%}
                {%- endif -%}
                {%- if node.config.materialized == 'table' and parent not in tables -%}
                    {%- do tables.append(parent) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return({'relations': relations | sort, 'settings': settings | sort, 'tables': tables, 'views': views}) }}
{% endmacro %}

{# Checksums of the text of tables without marks, and of those that they are made from. #}
{% macro texts_behind_tables(tables) %}
    {%- set ids, checksums = tables + [], [] -%}
    {%- for id in ids -%}
        {%- do checksums.append(graph.nodes[id].checksum.checksum) -%}
        {%- for parent in graph.nodes[id].depends_on.nodes if parent not in ids and parent in graph.nodes -%}
            {%- if graph.nodes[parent].config.materialized in ['view', 'table'] -%}
                {%- do ids.append(parent) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(checksums | sort) }}
{% endmacro %}

{% macro comes_of_settings(unique_id) %}
    {%- set ids, sources = [unique_id], [] -%}
    {%- for id in ids if not id.startswith('source.') -%}
        {%- for parent in graph.nodes[id].depends_on.nodes if parent not in ids -%}
            {%- do ids.append(parent) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for id in ids if id.startswith('source.') -%}
        {%- do sources.append(graph.sources[id].config.meta.get('is_setting', false)) -%}
    {%- endfor -%}
    {{ return(sources | length > 0 and false not in sources) }}
{% endmacro %}
