-- One row an enduser created from an e-mail alone (§3.5).

{{ config(indexes=[{'columns': ['company_id', 'email'], 'unique': true}]) }}

with calls as (

    select * from {{ ref('int_identity__calls_linked') }}
    where may_create

),

keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where user_id is null

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
        calls.message_id as created_by_message_id,
        calls.event_at as created_at
    from calls
    inner join keyset_companies on calls.keyset = keyset_companies.keyset
    inner join emails
        on
            keyset_companies.company_id = emails.company_id
            and keyset_companies.email = emails.email
    order by emails.company_id, emails.email, calls.event_at, calls.message_id collate "C"

)

select * from final
