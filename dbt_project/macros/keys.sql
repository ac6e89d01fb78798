{# Where in a call a key is looked for: the rows of sync.key_names, read when the model compiles. #}
{% macro key_paths(key) %}
    {%- set paths = [] -%}
    {%- if execute -%}
        {%- set query = "select path from " ~ in_sync('key_names') ~ " where key = '" ~ key ~ "' order by position" -%}
        {%- for row in run_query(query) -%}
            {%- do paths.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(paths) }}
{% endmacro %}

{# Where the candidates are looked for that calls resolve by (§3.1); of group calls (§3.8), or of all others. #}
{% macro candidate_paths(is_group) %}
    {#- the groupId of a group call is the company -#}
    {%- set paths = {
        'user_ids': [], 'emails': [], 'company_keys': ['groupId', 'group_id'] if is_group else [],
        'property_emails': [],
    } -%}
    {%- set names = {
        'user_id': 'user_ids', 'email': 'emails', 'company': 'company_keys', 'property_email': 'property_emails',
    } -%}
    {%- if execute -%}
        {%- set query -%}
            select key, path from {{ in_sync('key_names') }}
            where key in ('{{ names | join("', '") }}')
            order by key, position
        {%- endset -%}
        {%- for key, path in run_query(query) -%}
            {#- its traits and properties describe the company, and no person -#}
            {%- if key == 'company' or not is_group or not (key == 'property_email' or path.startswith('traits.')) -%}
                {%- do paths[names[key]].append(path) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(paths) }}
{% endmacro %}

{#
    The models that an event can name an object of, each with where its key is looked for: property by property, in
    properties, then traits, then context.
#}
{% macro object_paths() %}
    {%- set paths = {} -%}
    {%- if execute -%}
        {%- set query -%}
            select model, property from {{ in_sync('object_keys') }} order by model, position, property
        {%- endset -%}
        {%- for model, property in run_query(query) -%}
            {%- for place in ['properties', 'traits', 'context'] -%}
                {%- do paths.setdefault(model, []).append(place ~ '.' ~ property) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(paths) }}
{% endmacro %}

{#
    Calls with the three objects that nearly every key lies in beside the payload: each is taken out of it once,
    and what a call does not have costs nothing more. `more`: further columns, name by name.
#}
{% macro opened(calls, more={}) -%}
    (
        select
            *,
            {%- for name, expression in more.items() %}
            {{ expression }} as {{ name }},
            {%- endfor %}
            payload -> 'traits' as traits,
            payload -> 'properties' as properties,
            payload -> 'context' as context
        from {{ calls }} as calls
        {{ fence() }}
    )
{%- endmacro %}

{# The JSON value, or its text, at a dotted path of an opened call. #}
{% macro value_at(path, as_text=false) -%}
    {%- set steps = path.replace("'", "''").split(".") -%}
    {%- if steps | length > 1 and steps[0] in ['traits', 'properties', 'context'] -%}
        {%- set root, steps = steps[0], steps[1:] -%}
    {%- else -%}
        {%- set root = 'payload' -%}
    {%- endif -%}
    {%- set arrow = '>>' if as_text else '>' -%}
    {%- if steps | length == 1 -%}
        {{ root }} -{{ arrow }} '{{ steps[0] }}'
    {%- else -%}
        {{ root }} #{{ arrow }} '{{ '{' ~ steps | join(',') ~ '}' }}'
    {%- endif -%}
{%- endmacro %}

{#
    The text at a dotted path of an opened call, if it is a string or a number. A number is written from its digits,
    as jsonb keeps them: without exponent, and without a fraction that is zero.
#}
{% macro key_text(path) -%}
    case jsonb_typeof({{ value_at(path) }})
        when 'string' then {{ value_at(path, as_text=true) }}
        when 'number' then {{ number_text(value_at(path, as_text=true)) }}
    end
{%- endmacro %}

{% macro number_text(text) -%}
    case when {{ text }} like '%.%' then regexp_replace({{ text }}, '[.]0+$', '') else {{ text }} end
{%- endmacro %}

{# Every path of some lists of paths, once, and the column that `texts_of` gives its text. #}
{% macro text_columns(lists) -%}
    {%- set column_of = {} -%}
    {%- for path in lists | sum(start=[]) if path not in column_of -%}
        {%- do column_of.update({path: 'text_' ~ (column_of | length + 1)}) -%}
    {%- endfor -%}
    {{ return(column_of) }}
{%- endmacro %}

{# Those columns: each text is taken out of an opened call once, not once for each time that it is named. #}
{% macro texts_of(column_of) -%}
    {%- for path, column in column_of.items() %}
        {{ key_text(path) }} as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The columns that have the texts at some of their paths. #}
{% macro texts_at(paths, column_of) -%}
    {%- set columns = [] -%}
    {%- for path in paths -%}{%- do columns.append(column_of[path]) -%}{%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#
    What counts as blank at the ends of a key, an e-mail or a name, as the characters of `btrim`: Unicode's
    White_Space, and what nobody sees (soft hyphen, marks of width and direction).
#}
{% macro blanks() -%}
    {%- set ranges = [
        (0x0009, 0x000D), (0x0020, 0x0020), (0x0085, 0x0085), (0x00A0, 0x00A0), (0x00AD, 0x00AD), (0x1680, 0x1680),
        (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x2064), (0x2066, 0x2069), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
    ] -%}
    E'
    {%- for first, last in ranges -%}
        {%- for point in range(first, last + 1) -%}{{ '\\u%04x' | format(point) }}{%- endfor -%}
    {%- endfor -%}
    '
{%- endmacro %}

{#
    A text as keys are compared, of calls and of Planhat: cut at both ends; null if nothing is left, or so much that it
    identifies nobody. Few texts are long, and what has so few bytes has no more characters.
#}
{% macro key_form(text) -%}
    {%- set longest = var('longest_key') -%}
    nullif(btrim(case
        when octet_length({{ text }}) <= {{ longest }} or length({{ trimmed(text) }}) <= {{ longest }} then {{ text }}
    end, {{ blanks() }}), '')
{%- endmacro %}

{# Without what is blank at its ends. #}
{% macro trimmed(text) -%} btrim({{ text }}, {{ blanks() }}) {%- endmacro %}

{# The same of an e-mail, in small letters by one rule in every database (migration 0018). #}
{% macro email_form(text) -%}
    lower({{ key_form(text) }} collate sync.letter_case) collate "default"
{%- endmacro %}

{# The name of an event: cut at both ends too, and after so many characters. #}
{% macro event_form(text) -%}
    {%- set longest = var('longest_event_name') -%}
    btrim(case
        when octet_length({{ text }}) <= {{ longest }} then {{ text }}
        else left({{ trimmed(text) }}, {{ longest }})
    end, {{ blanks() }})
{%- endmacro %}

{% macro _candidate(text, is_email) -%}
    {{ email_form(text) if is_email else key_form(text) }}
{%- endmacro %}

{# All values of a key, of the texts at its paths in their order: neither blank nor absurdly long. #}
{% macro candidates(texts, is_email=false) -%}
    {%- if not texts -%}{{ return("cast('{}' as text[])") }}{%- endif -%}
    case
        -- as with most keys of most calls
        when coalesce({{ texts | join(', ') }}) is null then '{}'
        {%- if texts | length > 1 %}
        -- as with most others: an array of one is made faster than one of nearly nothing but nulls
        when num_nonnulls({{ texts | join(', ') }}) = 1
            then array_remove(array[{{ _candidate('coalesce(' ~ texts | join(', ') ~ ')', is_email) }}], null)
        {%- endif %}
        else array_remove(array[
            {%- for text in texts %}
            {{ _candidate(text, is_email) }}{{ "," if not loop.last }}
            {%- endfor %}
        ], null)
    end
{%- endmacro %}

{#
    What a call has at `paths`, as what follows a text: different for different candidates, and without an array made
    for each call. It is taken as it came: of those who say the same, only as many as say it otherwise are looked at
    apart.
#}
{% macro candidate_texts(paths, column_of) -%}
    {%- for list in paths.values() %}
    {%- set texts = [] %}
    {%- for path in list %}{% do texts.append(column_of[path]) %}{% endfor %}
                    || '/' || {{ _quoted(texts) if texts else "''" }}
    {%- endfor %}
{%- endmacro %}

{% macro _quoted(texts) -%}
    case
        when coalesce({{ texts | join(', ') }}) is null then ''
        {%- if texts | length > 1 %}
        when num_nonnulls({{ texts | join(', ') }}) = 1 then quote_literal(coalesce({{ texts | join(', ') }}))
        {%- endif %}
        else concat_ws(
            ','
            {%- for text in texts %},
            quote_literal({{ text }})
            {%- endfor %}
        )
    end
{%- endmacro %}

{# The objects that an opened call names, as a text: different for different candidates, null for none. #}
{% macro mention_text(paths) -%}
    {%- set names = [''] -%}
    {%- for path in paths.values() | sum(start=[]) -%}
        {%- do names.append(path.split('.')[1].replace("'", "''")) -%}
    {%- endfor -%}
    {%- set names = "array['" ~ names | unique | join("', '") ~ "']" -%}
    case
        -- most calls name no object: one look tells
        when properties ?| {{ names }} or traits ?| {{ names }} or context ?| {{ names }}
            then nullif(concat(
                {%- for model, list in paths.items() %}
                '{{ model }}/' || nullif(concat_ws(
                    ','
                    {%- for path in list %},
                    quote_literal(nullif({{ key_text(path) }}, ''))
                    {%- endfor %}
                ), '') || '/',
                {%- endfor %}
                ''
            ), '')
    end
{%- endmacro %}

{#
    Neither the customer nor Segment's own rule blocks it (§3.1), nor is it what a program writes for nothing. What
    begins otherwise, or is longer than any of these, is not looked at twice.
#}
{% macro is_unblocked(value, blocked) -%}
    {#- where the rows for this key are: columns of stg_settings__blocked_identities, each null or empty without any -#}
    {%- set placeholders = [
        '-1', 'anonymous', 'null', '(null)', '<null>', 'none', 'nil', 'nan', 'undefined', '[object object]',
    ] -%}
    (ascii({{ value }}) not in (45, 48) or {{ value }} !~ '^[0-]*$')
    and (
        octet_length({{ value }}) > {{ placeholders | map('length') | max }}
        or lower({{ value }} collate "C") not in ('{{ placeholders | join("', '") }}')
    )
    and {{ value }} <> all ({{ blocked.exact }}::text [])
    and ({{ blocked.pattern }} is null or {{ value }} !~ {{ blocked.pattern }})
    {%- if blocked.domains %}
    and ({{ blocked.domains }} = '{}' or ({{ domain_of(value) }} = any ({{ blocked.domains }}::text [])) is not true)
    {%- endif %}
{%- endmacro %}

{# What the customer blocks of a key: as columns of a table, or as looked up once for all calls. #}
{% macro blocked_of(key, table=none) -%}
    {%- set columns = {'exact': 'blocked_' ~ key, 'pattern': key ~ '_pattern'} -%}
    {%- if key in ['user_id', 'email'] -%}{%- do columns.update({'domains': key ~ '_domains'}) -%}{%- endif -%}
    {%- set found = {} -%}
    {%- for name, column in columns.items() -%}
        {%- do found.update({name: table ~ '.' ~ column if table else call_setting(column)}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# What follows the @ of an address, as addresses are compared; null of what is none. #}
{% macro domain_of(text) -%}
    {{ email_form("substring(" ~ text ~ " from '^[^@[:space:]]+@([^@[:space:]]+)$')") }}
{%- endmacro %}

{# The first candidate that is not blocked. #}
{% macro first_unblocked(candidates, blocked) -%}
    (
        select value
        from unnest({{ candidates }}) with ordinality as candidate (value, place)
        where {{ is_unblocked('value', blocked) }}
        order by place
        limit 1
    )
{%- endmacro %}

{#
    The same of at most so many candidates, for every call: a subquery would be run for each, and keep Postgres from
    sharing the calls among processes.
#}
{% macro first_unblocked_of(most, candidates, blocked) -%}
    case
        {%- for place in range(1, [most, 1] | max + 1) %}
        {%- set value = candidates ~ '[' ~ place ~ ']' %}
        when {{ is_unblocked(value, blocked) }} then {{ value }}
        {%- endfor %}
        else null
    end
{%- endmacro %}

{#
    A message id of any length, in a form that an index takes: what has more bytes than Segment's ids ever have ends in
    its md5. That form has more bytes too, so that `message_key` knows it again.
#}
{% macro message_id_form(message_id) -%}
    case
        when octet_length({{ message_id }}) <= 500 then {{ message_id }}
        else left({{ message_id }}, 480) || md5({{ message_id }})
    end
{%- endmacro %}

{# The 16 bytes by which raw_segment.events knows a call, of its message id in that form. #}
{% macro message_key(message_id) -%}
    case when octet_length({{ message_id }}) <= 500 then md5({{ message_id }}) else right({{ message_id }}, 32) end::uuid
{%- endmacro %}

{#
    A word that has few letters unless somebody means harm. One text of 500 characters, whatever the alphabet, fits a row
    of an index beside what is bounded so; two would not.
#}
{% macro bounded(text, longest) -%}
    case when octet_length({{ text }}) <= {{ longest }} then {{ text }} else left({{ text }}, {{ longest }}) end
{%- endmacro %}
