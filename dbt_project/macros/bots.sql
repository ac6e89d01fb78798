{#
    Programs that browse say so in their user agent: `bot` at the end of a word (a make of telephones, Cubot, aside), and
    what a few name themselves. Looked for once somebody has blocked them, for it takes a while in every call.
#}
{% macro is_bot(user_agent) -%}
    {%- if not execute or bots_were_blocked() -%}
    coalesce({{ user_agent }} ~* '(?<!cu)bot\M|crawler|spider|slurp|headlesschrome|phantomjs|lighthouse', false)
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{% macro bots_were_blocked() -%}
    {%- set query = "select count(*) from " ~ in_sync('switches') ~ " where switch = 'block_bots' and is_on" -%}
    {{ return(run_query(query)[0][0] > 0) }}
{%- endmacro %}
