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

{#- every path at which a key is looked for, once, and in which column its text is -#}
{%- set column_of = {} %}
{%- set keys = {'previous_id': ['previousId', 'previous_id'], 'group_id': ['groupId', 'group_id']} %}
{%- for key in ['user_id', 'email', 'anonymous_id', 'company'] %}{% do keys.update({key: key_paths(key)}) %}{% endfor %}
{%- for path in keys.values() | sum(start=[]) if path not in column_of %}
{%- do column_of.update({path: 'text_' ~ (column_of | length + 1)}) %}
{%- endfor %}
{%- set clocks = {
    'timestamp': 'timestamp', 'sent_at': 'sentAt', 'original_timestamp': 'originalTimestamp', 'received_at': 'receivedAt',
} %}

with calls as (

    select * from {{ opened(landed_calls()) }} as opened

),

-- each text is taken out of the payload once, not once for each time that it is named; no step hands on more columns
-- than the next ones need, which costs more than most expressions
texts as (

    select
        event_seq,
        message_id,
        source,
        type,
        received_at,
        payload,
        {%- for path, column in column_of.items() %}
        {{ key_text(path) }} as {{ column }},
        {%- endfor %}
        {%- for clock, name in clocks.items() %}
        payload ->> '{{ name }}' as {{ clock }}_text{{ "," if not loop.last }}
        {%- endfor %}
    from calls
    {{ fence() }}

),

told as (

    select
        event_seq,
        message_id,
        source,
        type,
        received_at,

        -- clocks
        received_at_text is not null as is_corrected_by_segment,
        {{ readable_timestamp('timestamp_text') }} as stamped_at,
        {{ readable_timestamp('sent_at_text') }} as sent_at,
        {{ readable_timestamp('original_timestamp_text') }} as original_at,
        -- the clock that the call was stamped with, if it names one at all
        original_timestamp_text is not null as has_original,

        -- every candidate in order; a group call's traits describe the company
        case
            when type = 'group' then {{ candidates(texts_at(outside_traits(keys.user_id), column_of)) }}
            else {{ candidates(texts_at(keys.user_id, column_of)) }}
        end as user_ids,
        case
            when type = 'group'
                then {{ candidates(texts_at(outside_traits(keys.email), column_of), is_email=true) }}
            else {{ candidates(texts_at(keys.email, column_of), is_email=true) }}
        end as emails,
        {{ candidates(texts_at(keys.anonymous_id, column_of)) }} as anonymous_ids,
        case
            -- §3.8: groupId is the company
            when type = 'group' then {{ candidates(texts_at(keys.group_id + keys.company, column_of)) }}
            else {{ candidates(texts_at(keys.company, column_of)) }}
        end as company_keys,
        case
            when type = 'alias' then {{ candidates(texts_at(keys.previous_id, column_of)) }}
            else '{}'
        end as previous_ids,

        -- what it is
        coalesce(
            -- most calls say nothing of integrations: one look tells
            payload ? 'integrations'
            and (
                payload #> '{integrations,Planhat}' = 'false'::jsonb
                or (
                    payload #> '{integrations,All}' = 'false'::jsonb
                    and payload #> '{integrations,Planhat}' is null
                )
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
        end as event
    from texts
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
    from told
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

dated as (

    select
        *,
        case when is_believed then claimed_at else received_at end as event_at,
        case when is_believed then claimed_source else 'received_at' end as event_at_source
    from believed

),

final as (

    -- fixed widths first, and last what few models read: a row is taken apart up to the last column that is asked for
    select
        -- when, and whose
        event_seq,
        event_at,
        received_at,
        {{ utc_date('event_at') }} as event_date,
        -- calls with the same candidates resolve alike; the text of an array says where it ends
        md5((type = 'group')::text || user_ids::text || emails::text || company_keys::text)::uuid as keyset,

        -- what it is
        message_id like '{{ var("receipt_prefix") }}%' as has_receipt_id,
        is_suppressed,
        type,
        source,
        event,
        message_id,

        -- what identifies
        anonymous_ids,
        previous_ids,
        user_ids,
        emails,
        company_keys,
        event_at_source
    from dated

)

select * from final
