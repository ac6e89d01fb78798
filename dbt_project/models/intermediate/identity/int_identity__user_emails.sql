-- One row a company and user id: u's e-mail, from the last call with this company and user id that
-- carries one (§3.4). Own keys only: a borrowed address says nothing new.

{{ config(indexes=[{'columns': ['company_id', 'user_id'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where company_id is not null and user_id is not null and email is not null and not is_borrowed

),

final as (

    select distinct on (company_id, user_id)
        company_id,
        user_id,
        email
    from keyset_companies
    where last_place is not null
    order by company_id, user_id, last_place desc

)

select * from final
