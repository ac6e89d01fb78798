-- One row an alias call whose previous id is a known user id: it links nothing (§3.2). Known: another
-- kind of call carries it as its user id, or an enduser in Planhat has it as external id. Where the
-- alias's own user id is another known one, the two contradict each other.

with calls as (

    select * from {{ ref('int_identity__calls') }}
    where out_of_scope is null

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}

),

known_user_ids as (

    select user_id from calls
    where type <> 'alias' and user_id is not null
    union
    select external_id from endusers
    where external_id is not null

),

final as (

    select
        calls.message_key,
        calls.message_id,
        calls.event_at,
        calls.previous_id,
        calls.user_id,
        calls.user_id <> calls.previous_id and own.user_id is not null as is_conflict
    from calls
    inner join known_user_ids on calls.previous_id = known_user_ids.user_id
    left join known_user_ids as own on calls.user_id = own.user_id
    where calls.type = 'alias' and calls.user_id is not null

)

select * from final
