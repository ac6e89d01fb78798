-- One row a company and user id that some call resolves to: the enduser in Planhat that it is, by
-- external id or by u's e-mail (without one, u itself if it is an address), or null: then it is the created
-- enduser, if there is one (§3.4).

{{ config(indexes=[{'columns': ['company_id', 'user_id'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where calls > 0 and company_id is not null and not is_borrowed

),

own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where user_id is not null

),

borrowers as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where calls > 0 and company_id is not null and is_borrowed and user_id is not null

),

user_emails as (

    select * from {{ ref('int_identity__user_emails') }}

),

endusers_by_email as (

    select * from {{ ref('int_identity__endusers_by_email') }}
    where enduser_id is not null

),

enduser_keys as (

    select * from {{ ref('int_identity__enduser_keys') }}

),

users as (

    -- whom a group call names it is about too, as far as e-mails go
    select
        keyset_companies.company_id,
        own_keys.user_id
    from keyset_companies
    inner join own_keys on keyset_companies.unplaced_keyset = own_keys.keyset
    union
    select
        company_id,
        user_id
    from borrowers

),

told as (

    select
        users.company_id,
        users.user_id,
        coalesce(user_emails.email, {{ address_of('users.user_id') }}) as email
    from users
    left join user_emails
        on users.company_id = user_emails.company_id and users.user_id = user_emails.user_id

),

final as (

    select
        users.company_id,
        users.user_id,
        users.email,
        coalesce(by_external_id.enduser_id, by_email.enduser_id) as enduser_id,
        case
            when by_external_id.enduser_id is not null then by_external_id.is_deleted
            else coalesce(by_email.is_deleted, false)
        end as is_deleted,
        case
            when by_external_id.enduser_id is not null then 'external_id'
            when by_email.enduser_id is not null then 'user_email'
            else 'created_user'
        end as matched_by
    from told as users
    left join enduser_keys as by_external_id
        on
            users.company_id = by_external_id.company_id
            and users.user_id = by_external_id.external_id
    left join endusers_by_email as by_email
        on users.company_id = by_email.company_id and users.email = by_email.email

)

select * from final
