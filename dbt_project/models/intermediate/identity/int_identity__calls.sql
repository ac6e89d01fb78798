-- One row a call: whether it is in scope at all, and the keys of its own that are not part of its keyset
-- (§3.1, §3.5, §3.6, §3.12). Settings apply here, each as it was in force when the call was received.

{{ config(materialized='view') }}

{%- set is_receipt = 'calls.has_receipt_id or ' ~ call_setting('planhat_sources') ~ ' @> array[calls.source]' %}
{%- set may_create %}calls.type in ('identify', 'track') and not calls.received_at <@ {{ call_setting('auto_create_off') }}
    {%- endset %}
{#- the first that applies is the reason why a call takes no part -#}
{%- set no_part = {
    'receipt': is_receipt,
    'suppressed': 'calls.is_suppressed',
    'unsupported_type': "calls.type not in ('identify', 'track', 'group', 'page', 'screen', 'alias')",
    'section_off':
        "calls.received_at <@ case when calls.type = 'group' then " ~ call_setting('company_metrics_off')
        ~ ' else ' ~ call_setting('user_tracking_off') ~ ' end',
    'blocked_identity': 'calls.is_bot and calls.received_at <@ ' ~ call_setting('block_bots_on'),
} %}

-- no `with`: a view that has one is never merged into a query: it would hide the index from a look-up
select
    -- ids
    calls.event_seq,
    calls.message_id,
    calls.source,
    calls.keyset,
    calls.mention,
    calls.build_id,

    -- what it is
    calls.type,
    calls.event,
    calls.event_at,
    calls.event_date,
    calls.event_at_source,
    calls.received_at,

    -- keys of its own
    {{ first_unblocked_of(key_paths('anonymous_id') | length, 'calls.anonymous_ids', blocked_of('anonymous_id')) }}
        as anonymous_id,
    {{ first_unblocked_of(2, 'calls.previous_ids', blocked_of('anonymous_id')) }} as previous_id,
    calls.anonymous_ids <> '{}' as names_anonymous,

    -- rules
    {{ may_create }} as may_create,
    -- of calls that know a person by their properties alone
    calls.has_property_email,
    {{ may_create }} and not calls.received_at <@ {{ call_setting('create_by_property_email_off') }}
        as may_create_by_property_email,
    {{ is_receipt }} as is_receipt,
    case
        {%- for reason, applies in no_part.items() %}
        when {{ applies }} then '{{ reason }}'
        {%- endfor %}
    end as out_of_scope,
    -- the same as a condition, of which Postgres can guess how many calls meet it
    (
        {%- for applies in no_part.values() %}
        {{ 'or ' if not loop.first }}({{ applies }})
        {%- endfor %}
    ) is not true as is_in_scope
from {{ ref('stg_segment__calls') }} as calls
