-- One row a company and user id: u's e-mail, from the last call with this company and user id that tells one
-- (§3.4). Own keys only: a borrowed address says nothing new. Whom a group call names it tells too, beside its traits.

{{ config(indexes=[{'columns': ['company_id', 'user_id'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where company_id is not null and last_telling_place is not null and not is_borrowed

),

own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where user_id is not null and email is not null

),

final as (

    select distinct on (keyset_companies.company_id, own_keys.user_id)
        keyset_companies.company_id,
        own_keys.user_id,
        own_keys.email,
        keyset_companies.last_telling_place as told_place
    from keyset_companies
    inner join own_keys on keyset_companies.unplaced_keyset = own_keys.keyset
    order by keyset_companies.company_id, own_keys.user_id, keyset_companies.last_telling_place desc

)

select * from final
