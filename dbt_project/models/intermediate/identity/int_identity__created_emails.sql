-- One row an enduser created from an e-mail alone (§3.5).

{{ config(indexes=[{'columns': ['company_id', 'email'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where first_creating_place is not null and user_id is null

),

emails as (

    select * from {{ ref('int_identity__emails') }}
    where matched_by = 'created_email'

),

final as (

    select distinct on (emails.company_id, emails.email)
        emails.company_id,
        emails.email,
        'segment-' || md5(row(emails.company_id, 'email', emails.email)::text) as enduser_id,
        {{ place_message_id('keyset_companies.first_creating_place') }} as created_by_message_id,
        {{ place_event_at('keyset_companies.first_creating_place') }} as created_at
    from keyset_companies
    inner join emails
        on
            keyset_companies.company_id = emails.company_id
            and keyset_companies.email = emails.email
    order by emails.company_id, emails.email, keyset_companies.first_creating_place

)

select * from final
