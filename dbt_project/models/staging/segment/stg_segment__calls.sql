-- One row a landed call: what the call says, typed, before any setting but the key names applies.

{{ config(
    materialized='table',
    indexes=[{'columns': ['message_key'], 'unique': true}]
) }}

with events as (

    select * from {{ source('raw_segment', 'events') }}

),

sources as (

    select * from {{ source('raw_segment', 'sources') }}

),

calls as (

    select
        events.message_key,
        events.message_id,
        events.event_seq,
        events.source,
        events.type,
        events.received_at,
        events.payload,
        events.message_id like '{{ var("receipt_prefix") }}%'
        or coalesce(sources.kind = 'planhat', false) as is_receipt
    from events
    left join sources on events.source = sources.source

),

clocks as (

    select
        message_key,
        jsonb_typeof(payload -> 'receivedAt') is not null as is_corrected_by_segment,
        {{ readable_timestamp('payload', 'timestamp') }} as stamped_at,
        {{ readable_timestamp('payload', 'sentAt') }} as sent_at,
        {{ readable_timestamp('payload', 'originalTimestamp') }} as original_at,
        -- the clock that the call was stamped with, if it names one at all
        payload ->> 'originalTimestamp' is not null as has_original
    from calls

),

timed as (

    -- §3.9: which clock counts
    select
        calls.message_key,
        case
            when clocks.is_corrected_by_segment then clocks.stamped_at
            when clocks.sent_at is not null and clocks.has_original
                then calls.received_at - (clocks.sent_at - clocks.original_at)
            when clocks.sent_at is not null and clocks.stamped_at is not null
                then calls.received_at - (clocks.sent_at - clocks.stamped_at)
            when clocks.has_original then clocks.original_at
            else clocks.stamped_at
        end as claimed_at,
        case
            when clocks.is_corrected_by_segment then 'segment'
            when clocks.sent_at is not null and clocks.has_original then 'sent_at'
            when clocks.sent_at is not null and clocks.stamped_at is not null then 'sent_at'
            when clocks.has_original then 'original_timestamp'
            else 'timestamp'
        end as claimed_source
    from calls
    inner join clocks on calls.message_key = clocks.message_key

),

believed as (

    select
        calls.message_key,
        timed.claimed_source,
        coalesce(
            timed.claimed_at >= timestamptz '2000-01-01 00:00:00+00'
            and timed.claimed_at <= calls.received_at + interval '1 day',
            false
        ) as is_believed,
        timed.claimed_at
    from calls
    inner join timed on calls.message_key = timed.message_key

),

final as (

    select
        -- ids
        calls.message_key,
        calls.message_id,
        calls.event_seq,
        calls.source,

        -- what it is
        calls.type,
        calls.is_receipt,
        coalesce(
            calls.payload #> '{integrations,Planhat}' = 'false'::jsonb
            or (
                calls.payload #> '{integrations,All}' = 'false'::jsonb
                and calls.payload #> '{integrations,Planhat}' is null
            ),
            false
        ) as is_suppressed,
        case calls.type
            when 'track' then coalesce(
                nullif(
                    btrim(left({{ scalar_at('calls.payload', 'event') }}, {{ var('longest_event_name') }})),
                    ''
                ),
                '(unnamed)'
            )
            when 'page' then 'page'
            when 'screen' then 'screen'
        end as event,

        -- keys, every candidate in order; a group call's traits describe the company
        case
            when calls.type = 'group'
                then {{ candidates('calls.payload', outside_traits(key_paths('user_id'))) }}
            else {{ candidates('calls.payload', key_paths('user_id')) }}
        end as user_ids,
        case
            when calls.type = 'group'
                then {{ candidates('calls.payload', outside_traits(key_paths('email')), is_email=true) }}
            else {{ candidates('calls.payload', key_paths('email'), is_email=true) }}
        end as emails,
        {{ candidates('calls.payload', key_paths('anonymous_id')) }} as anonymous_ids,
        case
            -- §3.8: groupId is the company
            when calls.type = 'group'
                then {{ candidates('calls.payload', ['groupId', 'group_id'] + key_paths('company')) }}
            else {{ candidates('calls.payload', key_paths('company')) }}
        end as company_keys,
        case
            when calls.type = 'alias' then {{ candidates('calls.payload', ['previousId', 'previous_id']) }}
            else '{}'
        end as previous_ids,

        -- times
        calls.received_at,
        case when believed.is_believed then believed.claimed_at else calls.received_at end as event_at,
        {{ utc_date('case when believed.is_believed then believed.claimed_at else calls.received_at end') }}
            as event_date,
        case when believed.is_believed then believed.claimed_source else 'received_at' end
            as event_at_source
    from calls
    inner join believed on calls.message_key = believed.message_key

)

select * from final
