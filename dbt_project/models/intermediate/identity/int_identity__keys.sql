-- One row a set of keys that calls are resolved by: their own, or with what an anonymous call borrows. A
-- group call is about its company alone (§3.8).

{{ config(indexes=[{'columns': ['keyset'], 'unique': true}, {'columns': ['user_id']}]) }}

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}

),

borrowed_keysets as (

    select * from {{ ref('int_identity__borrowed_keysets') }}

),

final as (

    select
        keyset,
        false as is_borrowed,
        is_group,
        case when not is_group then user_id end as user_id,
        case when not is_group then email end as email,
        company_key,
        names_person,
        names_company,
        calls,
        first_place,
        last_place,
        last_telling_place,
        first_creating_place
    from own_keys
    union all
    select
        borrowed_keysets.keyset,
        true as is_borrowed,
        false as is_group,
        link.user_id,
        link.email,
        coalesce(own.company_key, link.company_key) as company_key,
        true as names_person,
        own.names_company or link.names_company as names_company,
        borrowed_keysets.calls,
        borrowed_keysets.first_place,
        borrowed_keysets.last_place,
        -- what is borrowed says nothing new
        null as last_telling_place,
        borrowed_keysets.first_creating_place
    from borrowed_keysets
    inner join own_keys as own on borrowed_keysets.own_keyset = own.keyset
    inner join own_keys as link on borrowed_keysets.link_keyset = link.keyset

)

select * from final
