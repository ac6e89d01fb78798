-- One row a company and e-mail that calls carry (§3.4): Planhat's enduser with it, else the only one, Planhat's or
-- created, to whom a user id here leads whose e-mail it is, else null: then it is the enduser created from the address.

{{ config(indexes=[{'columns': ['company_id', 'email'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where calls > 0 and company_id is not null and email is not null

),

endusers_by_email as (

    select * from {{ ref('int_identity__endusers_by_email') }}

),

users as (

    select * from {{ ref('int_identity__users') }}
    where email is not null

),

created_users as (

    select * from {{ ref('int_identity__created_users') }}

),

people as (

    select
        users.company_id,
        users.email,
        coalesce(users.enduser_id, created_users.enduser_id) as enduser_id,
        users.is_deleted,
        users.enduser_id is null as is_created
    from users
    left join created_users
        on users.company_id = created_users.company_id and users.user_id = created_users.user_id
    where users.enduser_id is not null or created_users.enduser_id is not null

),

people_by_email as (

    select
        company_id,
        email,
        count(distinct enduser_id) as people,
        min(enduser_id) as only_enduser_id,
        bool_and(is_deleted) as is_deleted,
        bool_and(is_created) as is_created
    from people
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
            when people.people = 1 then people.only_enduser_id
        end as enduser_id,
        case
            when planhat.email is not null then planhat.is_deleted
            when people.people = 1 then people.is_deleted
            else false
        end as is_deleted,
        case
            when planhat.email is not null and planhat.enduser_id is not null then 'email'
            -- several have the address, in Planhat or by what calls told
            when planhat.email is not null or people.people > 1 then null
            when people.people = 1 and people.is_created then 'created_user_email'
            when people.people = 1 then 'email_of_user'
            else 'created_email'
        end as matched_by
    from emails
    left join endusers_by_email as planhat
        on emails.company_id = planhat.company_id and emails.email = planhat.email
    left join people_by_email as people
        on emails.company_id = people.company_id and emails.email = people.email

)

select * from final
