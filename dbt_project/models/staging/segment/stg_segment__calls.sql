-- One row a landed call: what the call says, typed, before any setting but the key names applies.

{{ config(
    materialized='appended',
    inputs=['sync.key_names', 'sync.object_keys'],
    indexes=[
        {'columns': ['event_seq'], 'unique': true},
        {'columns': ['message_id'], 'unique': true},
        {'columns': ['keyset', 'event_date']},
    ],
    more_indexes=[
        "(event_seq) where type = 'alias'",
        "(keyset) where type = 'identify'",
        "(mention) where mention is not null",
    ]
) }}

{%- set paths, group_paths = candidate_paths(is_group=false), candidate_paths(is_group=true) %}
{%- set anonymous_paths = key_paths('anonymous_id') %}
{%- set column_of = text_columns((paths.values() | list) + (group_paths.values() | list) + [anonymous_paths]) %}
{%- set clocks = {
    'timestamp': 'timestamp', 'sent_at': 'sentAt', 'original_timestamp': 'originalTimestamp', 'received_at': 'receivedAt',
} %}

with calls as (

    select * from {{ opened(landed_calls()) }} as opened

),

-- no step hands on more columns than the next ones need, which costs more than most expressions
texts as (

    select
        event_seq,
        message_id,
        source,
        type,
        received_at,
        payload,
        {{- texts_of(column_of) }},
        case when type = 'track' then {{ key_text('event') }} end as event_text,
        {{ mention_text(object_paths()) }} as mention_text,
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

        -- calls with the same candidates resolve alike: what those are, stg_segment__keysets says
        md5(
            case
                when type = 'group' then 'group' {{ candidate_texts(group_paths, column_of) }}
                else 'call' {{ candidate_texts(paths, column_of) }}
            end
        )::uuid as keyset,
        -- and those with the same candidates for objects name the same ones: see stg_segment__mentions
        md5(mention_text)::uuid as mention,

        -- what resolves call by call
        {{ candidates(texts_at(anonymous_paths, column_of)) }} as anonymous_ids,
        case
            when type = 'alias' then {{ candidates([key_text('previousId'), key_text('previous_id')]) }}
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
            when 'track' then coalesce(nullif({{ event_form('event_text') }}, ''), '(unnamed)')
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
        keyset,

        -- what it is
        message_id like '{{ var("receipt_prefix") }}%' as has_receipt_id,
        is_suppressed,
        type,
        source,
        event,
        message_id,

        -- what identifies
        mention,
        anonymous_ids,
        previous_ids,
        event_at_source
    from dated

)

select * from final
