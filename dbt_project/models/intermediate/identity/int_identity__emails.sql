-- One row a company and e-mail that calls without a user id resolve by (§3.4): Planhat's enduser, else the
-- only created user with that address, else null: then it is the enduser created from the address.

{{ config(indexes=[{'columns': ['company_id', 'email'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where calls > 0 and company_id is not null and user_id is null and email is not null

),

endusers_by_email as (

    select * from {{ ref('int_identity__endusers_by_email') }}

),

created_users_by_email as (

    select
        company_id,
        email,
        count(*) as users,
        min(enduser_id) as only_enduser_id
    from {{ ref('int_identity__created_users') }}
    where email is not null
    group by company_id, email

),

emails as (

    select distinct
        company_id,
        email
    from keyset_companies

),

final as (

    select
        emails.company_id,
        emails.email,
        case
            when planhat.email is not null then planhat.enduser_id
            when created.users = 1 then created.only_enduser_id
        end as enduser_id,
        coalesce(planhat.is_deleted, false) as is_deleted,
        case
            when planhat.email is not null and planhat.enduser_id is not null then 'email'
            -- several carry the address, in Planhat or among the created ones
            when planhat.email is not null or created.users > 1 then null
            when created.users = 1 then 'created_user_email'
            else 'created_email'
        end as matched_by
    from emails
    left join endusers_by_email as planhat
        on emails.company_id = planhat.company_id and emails.email = planhat.email
    left join created_users_by_email as created
        on emails.company_id = created.company_id and emails.email = created.email

)

select * from final
