-- One row an alias call whose previous id is a known user id: it links nothing (§3.2). Known: another
-- kind of call carries it as its user id, or an enduser in Planhat has it as external id. Where the
-- alias's own user id is another known one, the two contradict each other.

with calls as (

    select * from {{ ref('int_identity__calls') }}
    where type = 'alias' and is_in_scope and previous_id is not null

),

own_keys as (

    select * from {{ ref('int_identity__own_keys') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where is_made_by_us is not true

),

known_user_ids as (

    select user_id from own_keys
    where other_calls_than_alias > 0 and user_id is not null
    union
    select external_id from endusers
    where external_id is not null

),

final as (

    select
        calls.event_seq,
        calls.message_id,
        calls.event_at,
        calls.previous_id,
        own_keys.user_id,
        own_keys.user_id <> calls.previous_id and own.user_id is not null as is_conflict
    from calls
    inner join own_keys on calls.keyset = own_keys.keyset
    inner join known_user_ids on calls.previous_id = known_user_ids.user_id
    left join known_user_ids as own on own_keys.user_id = own.user_id
    where own_keys.user_id is not null

)

select * from final
