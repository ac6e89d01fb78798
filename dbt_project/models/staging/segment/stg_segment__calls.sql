-- One row a landed call: what the call says, typed, before any setting but the key names applies.

{{ config(
    materialized='appended',
    inputs=['sync.key_names'],
    indexes=[
        {'columns': ['event_seq'], 'unique': true},
        {'columns': ['message_id'], 'unique': true},
        {'columns': ['keyset', 'event_date']},
    ],
    more_indexes=["(event_seq) where type = 'alias'", "(keyset) where type = 'identify'"]
) }}

with calls as (

    select * from {{ opened(landed_calls()) }} as opened

),

clocks as (

    select
        *,
        payload ->> 'receivedAt' is not null as is_corrected_by_segment,
        {{ readable_timestamp('payload', 'timestamp') }} as stamped_at,
        {{ readable_timestamp('payload', 'sentAt') }} as sent_at,
        {{ readable_timestamp('payload', 'originalTimestamp') }} as original_at,
        -- the clock that the call was stamped with, if it names one at all
        payload ->> 'originalTimestamp' is not null as has_original
    from calls
    -- each step is worked out once, not once for each time that the next one names it
    {{ fence() }}

),

timed as (

    -- §3.9: which clock counts
    select
        *,
        case
            when is_corrected_by_segment then stamped_at
            when sent_at is not null and has_original then received_at - (sent_at - original_at)
            when sent_at is not null and stamped_at is not null then received_at - (sent_at - stamped_at)
            when has_original then original_at
            else stamped_at
        end as claimed_at,
        case
            when is_corrected_by_segment then 'segment'
            when sent_at is not null and has_original then 'sent_at'
            when sent_at is not null and stamped_at is not null then 'sent_at'
            when has_original then 'original_timestamp'
            else 'timestamp'
        end as claimed_source
    from clocks
    {{ fence() }}

),

believed as (

    select
        *,
        coalesce(
            claimed_at >= timestamptz '2000-01-01 00:00:00+00'
            and claimed_at <= received_at + interval '1 day',
            false
        ) as is_believed
    from timed
    {{ fence() }}

),

keyed as (

    select
        *,
        case when is_believed then claimed_at else received_at end as event_at,
        case when is_believed then claimed_source else 'received_at' end as event_at_source,
        -- every candidate in order; a group call's traits describe the company
        case
            when type = 'group' then {{ candidates(outside_traits(key_paths('user_id'))) }}
            else {{ candidates(key_paths('user_id')) }}
        end as user_ids,
        case
            when type = 'group'
                then {{ candidates(outside_traits(key_paths('email')), is_email=true) }}
            else {{ candidates(key_paths('email'), is_email=true) }}
        end as emails,
        {{ candidates(key_paths('anonymous_id')) }} as anonymous_ids,
        case
            -- §3.8: groupId is the company
            when type = 'group'
                then {{ candidates(['groupId', 'group_id'] + key_paths('company')) }}
            else {{ candidates(key_paths('company')) }}
        end as company_keys,
        case
            when type = 'alias' then {{ candidates(['previousId', 'previous_id']) }}
            else '{}'
        end as previous_ids
    from believed
    {{ fence() }}

),

final as (

    select
        -- ids
        event_seq,
        message_id,
        source,

        -- what it is
        type,
        message_id like '{{ var("receipt_prefix") }}%' as has_receipt_id,
        coalesce(
            payload #> '{integrations,Planhat}' = 'false'::jsonb
            or (
                payload #> '{integrations,All}' = 'false'::jsonb
                and payload #> '{integrations,Planhat}' is null
            ),
            false
        ) as is_suppressed,
        case type
            when 'track' then coalesce(
                nullif(
                    btrim(left(
                        case
                            when jsonb_typeof(payload -> 'event') in ('string', 'number')
                                then payload ->> 'event'
                        end,
                        {{ var('longest_event_name') }}
                    )),
                    ''
                ),
                '(unnamed)'
            )
            when 'page' then 'page'
            when 'screen' then 'screen'
        end as event,

        -- what identifies: calls with the same candidates resolve alike
        md5(row(type = 'group', user_ids, emails, company_keys)::text)::uuid as keyset,
        user_ids,
        emails,
        company_keys,
        anonymous_ids,
        previous_ids,

        -- times
        received_at,
        event_at,
        {{ utc_date('event_at') }} as event_date,
        event_at_source
    from keyed

)

select * from final
