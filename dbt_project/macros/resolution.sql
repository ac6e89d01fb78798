{#
    What became of a call: its columns, from `calls` (int_identity__calls), `keysets`
    (int_identity__keyset_endusers) and the message id of the link that it borrows from.
#}
{% macro resolution_columns(calls, keysets, linked_by) %}
        -- ids
        {{ calls }}.message_id,
        md5({{ calls }}.message_id)::uuid as message_key,
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
        {{ keysets }}.keyset,
        {%- for key in ['user_id', 'email', 'company_key'] %}
        case when {{ calls }}.out_of_scope is null then {{ keysets }}.{{ key }} end as {{ key }},
        {%- endfor %}
        {{ calls }}.anonymous_id,
        {{ linked_by }} as linked_by_message_id,

        -- what they are
        {%- for id in ['company_id', 'enduser_id'] %}
        case when {{ calls }}.out_of_scope is null then {{ keysets }}.{{ id }} end as {{ id }},
        {%- endfor %}

        -- why
        {%- for rule in ['company_matched_by', 'matched_by'] %}
        case when {{ calls }}.out_of_scope is null then {{ keysets }}.{{ rule }} end as {{ rule }},
        {%- endfor %}
        case
            when {{ calls }}.out_of_scope is not null then {{ calls }}.out_of_scope
            when
                {{ keysets }}.reason = 'no_identity'
                and {{ calls }}.type <> 'group'
                and {{ calls }}.anonymous_id is null
                and ({{ keysets }}.names_person or {{ calls }}.names_anonymous)
                then 'blocked_identity'
            else {{ keysets }}.reason
        end as reason
{%- endmacro %}

{# The same columns by name. #}
{% macro columns_of_resolutions() -%}
    message_id, message_key, event_seq, source, type, event, event_at, event_date, event_at_source, received_at,
        keyset, user_id, email, company_key, anonymous_id, linked_by_message_id, company_id, enduser_id,
        company_matched_by, matched_by, reason
{%- endmacro %}

{# What resolution_columns reads of a keyset. #}
{% macro keyset_columns(keysets) -%}
    {%- for column in [
        'keyset', 'user_id', 'email', 'company_key', 'names_person', 'company_id', 'company_matched_by',
        'enduser_id', 'matched_by', 'reason',
    ] %}
        {{ keysets }}.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
