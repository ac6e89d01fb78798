-- One row a call: whether it is in scope at all, and the keys of its own that are not part of its keyset
-- (§3.1, §3.5, §3.6, §3.12). Settings apply here, each as it was in force when the call was received.

{{ config(materialized='view') }}

with calls as (

    select * from {{ ref('stg_segment__calls') }}

),

sources as (

    select * from {{ ref('stg_segment__sources') }}

),

switches as (

    select * from {{ ref('stg_settings__switches') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

final as (

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

        -- keys of its own
        {{ first_unblocked('calls.anonymous_ids', 'blocked.blocked_values') }} as anonymous_id,
        {{ first_unblocked('calls.previous_ids', 'blocked.blocked_values') }} as previous_id,
        calls.anonymous_ids <> '{}' as names_anonymous,

        -- rules
        calls.type in ('identify', 'track') and auto_create.is_on as may_create,
        case
            when calls.has_receipt_id or coalesce(sources.kind = 'planhat', false) then 'receipt'
            when calls.is_suppressed then 'suppressed'
            when calls.type not in ('identify', 'track', 'group', 'page', 'screen', 'alias')
                then 'unsupported_type'
            when not section.is_on then 'section_off'
        end as out_of_scope
    from calls
    cross join blocked
    left join sources on calls.source = sources.source
    left join switches as section
        on
            section.switch = case when calls.type = 'group' then 'company_metrics' else 'user_tracking' end
            and section.valid_from <= calls.received_at
            and section.valid_to > calls.received_at
    left join switches as auto_create
        on
            auto_create.switch = 'auto_create'
            and auto_create.valid_from <= calls.received_at
            and auto_create.valid_to > calls.received_at

)

select * from final
