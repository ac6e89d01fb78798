-- One row a company and user id: u's e-mail, from the last call with this company and user id that
-- carries one (§3.4). Own keys only: a borrowed address says nothing new.

{{ config(indexes=[{'columns': ['company_id', 'user_id'], 'unique': true}]) }}

with calls as (

    select * from {{ ref('int_identity__calls_linked') }}
    where user_id is not null and email is not null and linked_by_message_id is null

),

keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where company_id is not null

),

final as (

    select distinct on (keyset_companies.company_id, calls.user_id)
        keyset_companies.company_id,
        calls.user_id,
        calls.email
    from calls
    inner join keyset_companies on calls.keyset = keyset_companies.keyset
    order by
        keyset_companies.company_id, calls.user_id,
        calls.event_at desc, calls.message_id collate "C" desc

)

select * from final
