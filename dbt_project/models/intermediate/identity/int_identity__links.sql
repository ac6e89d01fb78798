-- One row an anonymous id and call that says whose it is (§3.2).

{{ config(
    materialized='journaled',
    unique_key=['event_seq', 'anonymous_id'],
    meta={'marks_gone': true, 'more_indexes': ['(anonymous_id, event_at)']}
) }}

with calls as (

    select * from {{ new_or_all('int_identity__calls') }} as calls
    where is_in_scope

),

-- all of them in every build: which of them link depends on who is known meanwhile
alias_calls as (

    select * from {{ ref('int_identity__calls') }}
    where type = 'alias' and is_in_scope and previous_id is not null

),

own_keys as not materialized (

    select * from {{ ref('int_identity__own_keys') }}

),

aliases_of_users as (

    select * from {{ ref('int_identity__aliases_of_users') }}

),

named_together as (

    select
        calls.event_seq,
        calls.anonymous_id,
        calls.event_at,
        calls.message_id,
        calls.keyset,
        false as is_gone
    from calls
    inner join own_keys on calls.keyset = own_keys.keyset
    where calls.anonymous_id is not null and (own_keys.user_id is not null or own_keys.email is not null)

),

aliased as (

    select
        alias_calls.event_seq,
        alias_calls.previous_id as anonymous_id,
        alias_calls.event_at,
        alias_calls.message_id,
        alias_calls.keyset,
        aliases_of_users.event_seq is not null as is_gone
    from alias_calls
    inner join own_keys on alias_calls.keyset = own_keys.keyset
    left join aliases_of_users on alias_calls.event_seq = aliases_of_users.event_seq
    where
        own_keys.user_id is not null
        and alias_calls.previous_id is distinct from alias_calls.anonymous_id

),

final as (

    select * from named_together
    union all
    select * from aliased

)

select * from final
