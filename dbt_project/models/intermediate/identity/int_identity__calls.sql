-- One row a call: whether it is in scope at all, and the keys of its own that are not part of its keyset
-- (§3.1, §3.5, §3.6, §3.12). Settings apply here, each as it was in force when the call was received.

{{ config(materialized='view') }}

-- no `with`: a view that has one is never merged into a query: it would hide the index from a look-up
select
    -- ids
    calls.event_seq,
    calls.message_id,
    calls.source,
    calls.keyset,
    calls.build_id,

    -- what it is
    calls.type,
    calls.event,
    calls.event_at,
    calls.event_date,
    calls.event_at_source,
    calls.received_at,

    -- keys of its own, and the candidates for the others
    calls.user_ids,
    calls.emails,
    calls.company_keys,
    {{ first_unblocked('calls.anonymous_ids', call_setting('blocked_values')) }} as anonymous_id,
    {{ first_unblocked('calls.previous_ids', call_setting('blocked_values')) }} as previous_id,
    calls.anonymous_ids <> '{}' as names_anonymous,

    -- rules
    calls.type in ('identify', 'track') and not calls.received_at <@ {{ call_setting('auto_create_off') }}
        as may_create,
    case
        when calls.has_receipt_id or {{ call_setting('planhat_sources') }} @> array[calls.source] then 'receipt'
        when calls.is_suppressed then 'suppressed'
        when calls.type not in ('identify', 'track', 'group', 'page', 'screen', 'alias')
            then 'unsupported_type'
        when
            calls.received_at
            <@ case
                when calls.type = 'group' then {{ call_setting('company_metrics_off') }}
                else {{ call_setting('user_tracking_off') }}
            end
            then 'section_off'
    end as out_of_scope
from {{ ref('stg_segment__calls') }} as calls
