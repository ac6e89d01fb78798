{#
    It is not what a SELECT of all calls makes of some but how that changes, of two sides at once:
    resolutions = calls ⋈ keysets, so their change is (changed calls ⋈ keysets as they were) + (calls ⋈ changed
    keysets), and keysets as they were = keysets − changed keysets. Signs multiply.
#}
-- What became of calls since the last build: with sign -1 what was true of a call, with sign 1 what is. A new
-- call has the second alone. Empty in a build that looks at everything anyway.

{{ config(
    materialized='appended',
    meta={'is_signed': true}
) }}

with calls as not materialized (

    select * from {{ ref('int_identity__calls') }}

),

anonymous_calls as not materialized (

    select * from {{ ref('int_identity__anonymous_calls') }}

),

placed_calls as not materialized (

    select * from {{ ref('int_identity__placed_calls') }}

),

keysets as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

moved_keysets as (

    select * from {{ journal('int_identity__keyset_endusers') }} as moved

),

moved_anonymous_calls as (

    select * from {{ journal('int_identity__anonymous_calls') }} as moved

),

moved_placed_calls as (

    select * from {{ journal('int_identity__placed_calls') }} as moved

),

signed_calls as (

    -- a call has its own keyset until it is found to be an anonymous one, or to be placed in one of several companies
    select
        1 as sign,
        event_seq,
        keyset,
        null::text as linked_by_message_id
    from {{ new_rows('int_identity__calls') }} as landed
    union all
    select
        -journal_sign as sign,
        event_seq,
        own_keyset as keyset,
        null as linked_by_message_id
    from moved_anonymous_calls
    union all
    select
        journal_sign as sign,
        event_seq,
        keyset,
        linked_by_message_id
    from moved_anonymous_calls
    union all
    select
        -journal_sign as sign,
        event_seq,
        unplaced_keyset as keyset,
        linked_by_message_id
    from moved_placed_calls
    union all
    select
        journal_sign as sign,
        event_seq,
        keyset,
        linked_by_message_id
    from moved_placed_calls

),

changed_calls as (

    select
        event_seq,
        keyset,
        linked_by_message_id,
        sum(sign) as sign
    from signed_calls
    group by event_seq, keyset, linked_by_message_id
    having sum(sign) <> 0

),

changed as (

    select
        changed_calls.sign,
        changed_calls.event_seq,
        changed_calls.linked_by_message_id,
        {{ keyset_columns('keysets') }}
    from changed_calls
    inner join keysets on changed_calls.keyset = keysets.keyset
    union all
    select
        -changed_calls.sign * moved_keysets.journal_sign as sign,
        changed_calls.event_seq,
        changed_calls.linked_by_message_id,
        {{ keyset_columns('moved_keysets') }}
    from changed_calls
    inner join moved_keysets on changed_calls.keyset = moved_keysets.keyset
    union all
    select
        moved_keysets.journal_sign as sign,
        calls.event_seq,
        null as linked_by_message_id,
        {{ keyset_columns('moved_keysets') }}
    from moved_keysets
    inner join {{ ref('stg_segment__calls') }} as calls on moved_keysets.keyset = calls.keyset
    where
        not exists (
            select 1 from anonymous_calls
            where anonymous_calls.event_seq = calls.event_seq
        )
        and not exists (
            select 1 from placed_calls
            where placed_calls.event_seq = calls.event_seq
        )
    union all
    select
        moved_keysets.journal_sign as sign,
        anonymous_calls.event_seq,
        anonymous_calls.linked_by_message_id,
        {{ keyset_columns('moved_keysets') }}
    from moved_keysets
    inner join anonymous_calls on moved_keysets.keyset = anonymous_calls.keyset
    where
        not exists (
            select 1 from placed_calls
            where placed_calls.event_seq = anonymous_calls.event_seq
        )
    union all
    select
        moved_keysets.journal_sign as sign,
        placed_calls.event_seq,
        placed_calls.linked_by_message_id,
        {{ keyset_columns('moved_keysets') }}
    from moved_keysets
    inner join placed_calls on moved_keysets.keyset = placed_calls.keyset

),

signed as (

    select
        changed.sign,
        {{ resolution_columns('calls', 'changed', 'changed.linked_by_message_id') }}
    from changed
    inner join calls on changed.event_seq = calls.event_seq
    where calls.is_in_scope
    union all
    select
        1 as sign,
        {{ resolution_columns('calls') }}
    from {{ new_rows('int_identity__calls') }} as calls
    where not calls.is_in_scope

),

final as (

    select
        sum(sign)::smallint as journal_sign,
        {{ resolution_column_names() | join(', ') }},
        reason is null as is_resolved
    from signed
    group by
        {{ resolution_column_names() | join(', ') }}
    having sum(sign) <> 0

)

select * from final
