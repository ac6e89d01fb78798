-- One row a set of keys that calls resolve by: its company and enduser, what matched them, or the reason that there
-- is none (§3.3–§3.6). A group call's keys name a company alone. Everything that happened is joined to people
-- through this.

{{ config(
    materialized='journaled',
    unique_key=['keyset'],
    indexes=[
        {'columns': ['user_id']},
        {'columns': ['email']},
        {'columns': ['enduser_id']},
        {'columns': ['company_id']},
        {'columns': ['company_key']},
    ],
    meta={'compares': 'always', 'more_indexes': ["(coalesce(enduser_id, ''))"]}
) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}

),

users as (

    select * from {{ ref('int_identity__users') }}

),

created_users as (

    select * from {{ ref('int_identity__created_users') }}

),

emails as (

    select * from {{ ref('int_identity__emails') }}

),

created_emails as (

    select * from {{ ref('int_identity__created_emails') }}

),

matched as (

    select
        keyset_companies.*,
        coalesce(users.matched_by, emails.matched_by) as person_matched_by,
        coalesce(users.is_deleted, emails.is_deleted, false) as is_deleted,
        coalesce(
            users.enduser_id,
            created_users.enduser_id,
            emails.enduser_id,
            created_emails.enduser_id
        ) as person_id
    from keyset_companies
    left join users
        on
            keyset_companies.company_id = users.company_id
            and keyset_companies.user_id = users.user_id
    left join created_users
        on
            keyset_companies.company_id = created_users.company_id
            and keyset_companies.user_id = created_users.user_id
    left join emails
        on
            keyset_companies.user_id is null
            and keyset_companies.company_id = emails.company_id
            and keyset_companies.email = emails.email
    left join created_emails
        on
            keyset_companies.user_id is null
            and keyset_companies.company_id = created_emails.company_id
            and keyset_companies.email = created_emails.email

),

final as (

    select
        keyset,
        is_borrowed,
        is_anonymous,
        user_id,
        email,
        company_key,
        names_person,
        company_id,
        company_matched_by,
        case when not is_deleted and is_excluded is not true then person_id end as enduser_id,
        case
            when is_excluded then null
            when is_group and company_id is not null then 'group'
            when person_id is not null and not is_deleted then person_matched_by
        end as matched_by,
        case
            when is_excluded then 'blocked_identity'
            when is_group and company_key is null and names_company then 'blocked_identity'
            when is_group and company_key is null then 'no_identity'
            when is_group then reason
            -- whether it is blocked is up to the call: it may have an anonymous id too
            when user_id is null and email is null then 'no_identity'
            when reason is not null then reason
            when is_deleted then 'deleted_enduser'
            when person_id is not null then null
            when person_matched_by is null then 'ambiguous_enduser'
            else 'unknown_enduser'
        end as reason
    from matched

)

select * from final
