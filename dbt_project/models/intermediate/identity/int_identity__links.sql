-- One row an anonymous id and call that says whose it is, numbered in order (§3.2).

{{ config(indexes=[{'columns': ['anonymous_id', 'link_number'], 'unique': true}]) }}

with calls as (

    select * from {{ ref('int_identity__calls') }}
    where out_of_scope is null

),

aliases_of_users as (

    select * from {{ ref('int_identity__aliases_of_users') }}

),

named_together as (

    select
        message_id,
        event_at,
        anonymous_id,
        user_id,
        email,
        company_key
    from calls
    where anonymous_id is not null and (user_id is not null or email is not null)

),

aliased as (

    select
        calls.message_id,
        calls.event_at,
        calls.previous_id as anonymous_id,
        calls.user_id,
        calls.email,
        calls.company_key
    from calls
    left join aliases_of_users on calls.message_key = aliases_of_users.message_key
    where
        calls.type = 'alias'
        and calls.previous_id is not null
        and calls.user_id is not null
        and calls.previous_id is distinct from calls.anonymous_id
        and aliases_of_users.message_key is null

),

unioned as (

    select * from named_together
    union all
    select * from aliased

),

final as (

    select
        *,
        row_number() over (partition by anonymous_id order by {{ in_order() }}) as link_number
    from unioned

)

select * from final
