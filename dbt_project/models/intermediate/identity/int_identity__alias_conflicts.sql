-- One row an alias call between two known user ids: it links nothing (§3.2). Known: another kind
-- of call carries it as its user id, or an enduser in Planhat has it as external id.

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
        calls.user_id
    from calls
    inner join known_user_ids on calls.previous_id = known_user_ids.user_id
    where calls.type = 'alias' and calls.user_id is not null

)

select * from final
