{#
    What became of a call: its columns, from `calls` (int_identity__calls, or with `is_anonymous`
    int_identity__anonymous_calls), `keysets` (int_identity__keyset_endusers) and the message id of the link that it
    borrows from. Without keysets: a call out of scope, of which nobody asked whose it is.
#}
{% macro resolution_columns(calls, keysets=none, linked_by='null::text', is_anonymous=false) %}
        -- ids
        {{ calls }}.message_id,
        {{ message_key(calls ~ '.message_id') }} as message_key,
        {{ calls }}.event_seq,
        {{ calls }}.source,

        -- what and when
        {{ calls }}.type,
        {{ calls }}.event,
        {{ calls }}.event_at,
        {{ calls }}.event_date,
        {{ calls }}.event_at_source,
        {{ calls }}.received_at,

        -- the keys it was resolved by
        {{ keysets or calls }}.keyset,
        {%- for key in ['user_id', 'email', 'company_key'] %}
        {{ keysets ~ '.' ~ key if keysets else 'null::text' }} as {{ key }},
        {%- endfor %}
        {{ calls }}.anonymous_id,
        {{ linked_by }} as linked_by_message_id,
        {{ calls }}.mention,

        -- what they are
        {%- for column in ['company_id', 'enduser_id', 'company_matched_by', 'matched_by'] %}
        {{ keysets ~ '.' ~ column if keysets else 'null::text' }} as {{ column }},
        {%- endfor %}

        -- why not
        {%- if is_anonymous %}
        {{ keysets }}.reason,
        {{ keysets }}.reason is null as is_resolved
        {%- elif keysets %}
        case
            when
                {{ keysets }}.reason = 'no_identity'
                and {{ calls }}.type <> 'group'
                and {{ calls }}.anonymous_id is null
                and ({{ keysets }}.names_person or {{ calls }}.names_anonymous)
                then 'blocked_identity'
            else {{ keysets }}.reason
        end as reason,
        {{ keysets }}.reason is null as is_resolved
        {%- else %}
        {{ calls }}.out_of_scope as reason,
        false as is_resolved
        {%- endif %}
{%- endmacro %}

{# Their names; is_resolved, which says the same as reason, aside. #}
{% macro resolution_column_names() %}
    {{ return([
        'message_id', 'message_key', 'event_seq', 'source', 'type', 'event', 'event_at', 'event_date',
        'event_at_source', 'received_at', 'keyset', 'user_id', 'email', 'company_key', 'anonymous_id',
        'linked_by_message_id', 'mention', 'company_id', 'enduser_id', 'company_matched_by', 'matched_by', 'reason',
    ]) }}
{% endmacro %}

{# What resolution_columns reads of a keyset. #}
{% macro keyset_columns(keysets) -%}
    {%- for column in [
        'keyset', 'user_id', 'email', 'company_key', 'names_person', 'company_id', 'company_matched_by',
        'enduser_id', 'matched_by', 'reason',
    ] %}
        {{ keysets }}.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# What is asked of every call: looked up once a query. #}
{% macro call_setting(name) -%}
    (select settings.{{ name }} from {{ ref('int_identity__call_settings') }} as settings)
{%- endmacro %}

{# A user id that has the form of an address, as addresses are compared; else null. #}
{% macro address_of(user_id) -%}
    case when {{ user_id }} ~ '^[^@[:space:]]+@[^@[:space:]]+$' then {{ email_form(user_id) }} end
{%- endmacro %}
