-- One row a landed call: what the call says, typed, before any setting but the key names applies.

{{ config(
    materialized='appended',
    indexes=[
        {'columns': ['event_seq'], 'unique': true},
        {'columns': ['message_id'], 'unique': true},
        {'columns': ['keyset', 'event_date']},
    ],
    meta={
        'more_indexes': [
            "(event_seq) where type = 'alias'",
            "(keyset) where type = 'identify'",
            "(mention) where mention is not null",
        ],
    }
) }}

{%- set paths, group_paths = candidate_paths(is_group=false), candidate_paths(is_group=true) %}
{%- set anonymous_paths = key_paths('anonymous_id') %}
{%- set column_of = text_columns((paths.values() | list) + (group_paths.values() | list) + [anonymous_paths]) %}
{%- set clocks = {
    'timestamp_text': "payload ->> 'timestamp'",
    'original_text': "coalesce(payload ->> 'originalTimestamp', payload ->> 'original_timestamp')",
    'sent_text': "coalesce(payload ->> 'sentAt', payload ->> 'sent_at')",
} %}
{%- set pages = named_pages() %}
{#- §3.9: the first of the client's times that can be read -#}
{%- set client_at -%}
case when is_original_first then coalesce(original_at, stamped_at) else coalesce(stamped_at, original_at) end
{%- endset %}

with calls as (

    select * from {{ opened(landed_calls(), more=clocks) }} as opened

),

-- no step hands on more columns than the next ones need, which costs more than most expressions
texts as (

    select
        event_seq,
        {{ message_id_form('message_id') }} as message_id,
        {{ bounded('source', var('longest_source')) }} as source,
        {{ bounded('type', var('longest_type')) }} as type,
        received_at,
        payload,
        {{- texts_of(column_of) }},
        case
            when type = 'track' then {{ key_text('event') }}
            {%- if pages %}
            when type in ('{{ pages | join("', '") }}') then {{ key_text('name') }}
            {%- endif %}
        end as event_text,
        left(context #>> '{library,name}', 60) as library,
        {{ mention_text(object_paths()) }} as mention_text,
        {%- for clock in clocks %}
        {{ clock }},
        convert_to({{ clock }}, 'UTF8') as {{ clock }}_bytes,
        {%- endfor %}
        -- Segment has corrected the timestamp
        coalesce(payload ->> 'receivedAt', payload ->> 'received_at') is not null as is_corrected,
        coalesce(source in ({{ sources_with_original_first() }}), false) as is_original_first
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
        library,

        -- clocks
        is_corrected,
        is_original_first,
        {{ readable_timestamp('timestamp_text', 'timestamp_text_bytes') }} as stamped_at,
        case when not is_corrected then {{ readable_timestamp('original_text', 'original_text_bytes') }} end
            as original_at,
        case when not is_corrected then {{ readable_timestamp('sent_text', 'sent_text_bytes') }} end as sent_at,
        coalesce(timestamp_text, case when not is_corrected then original_text end) is null as says_no_time,

        -- calls with the same candidates resolve alike: what those are, stg_segment__keysets says
        md5(
            case
                when type = 'group' then 'group' {{ candidate_texts(group_paths, column_of) }}
                else 'call' {{ candidate_texts(paths, column_of) }}
            end
        )::uuid as keyset,
        -- of those that know a person by their properties alone it matters who else knows the device
        num_nonnulls(null {%- for text in texts_at(paths['property_emails'], column_of) %}, {{ text }}{% endfor %}) > 0
            as has_property_email,
        {{ is_bot("payload #>> '{context,userAgent}'") }} as is_bot,
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
        case
            when type = 'track' then coalesce(nullif({{ event_form('event_text') }}, ''), '(unnamed)')
            {%- for page, names in pages.items() %}
            when type = '{{ page }}' and {{ event_form('event_text') }} in ({{ names }}) then {{ event_form('event_text') }}
            {%- endfor %}
            when type in ('page', 'screen') then type
        end as event
    from texts
    {{ fence() }}

),

timed as (

    select
        *,
        case
            when sent_at is null then {{ client_at }}
            -- no clock is so wrong that there is no such time in Postgres
            else received_at - least(sent_at - ({{ client_at }}), interval '1000000 days')
        end as claimed_at,
        case
            when is_corrected then 'segment'
            when sent_at is not null then 'sent_at'
            when stamped_at is null or (is_original_first and original_at is not null) then 'original_timestamp'
            else 'timestamp'
        end as claimed_source
    from told
    {{ fence() }}

),

judged as (

    select
        *,
        case
            when claimed_at is null then case when says_no_time then 'missing' else 'unreadable' end
            when claimed_at < timestamptz '2000-01-01 00:00:00+00' then 'before_2000'
            when claimed_at > received_at + interval '1 day' then 'after_receipt'
        end as time_problem
    from timed
    {{ fence() }}

),

dated as (

    select
        *,
        case when time_problem is null then claimed_at else received_at end as event_at,
        case when time_problem is null then claimed_source else 'received_at' end as event_at_source
    from judged

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
        has_property_email,
        is_bot,
        time_problem,
        type,
        source,
        event,
        message_id,

        -- what identifies
        mention,
        anonymous_ids,
        previous_ids,
        event_at_source,
        library
    from dated

)

select * from final
