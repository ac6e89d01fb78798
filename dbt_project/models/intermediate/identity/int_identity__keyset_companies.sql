-- One row a set of keys (user id, e-mail, company key, day): its company, what matched it, or why
-- there is none (§3.3). Everything downstream joins events to people through this.

{{ config(indexes=[{'columns': ['keyset'], 'unique': true}]) }}

with calls_linked as (

    select * from {{ ref('int_identity__calls_linked') }}

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

key_companies as (

    select * from {{ ref('int_identity__key_companies') }}

),

user_company_days as (

    select * from {{ ref('int_identity__user_company_days') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null and is_primary

),

keysets as (

    select distinct
        keyset,
        user_id,
        email,
        company_key,
        event_date
    from calls_linked

),

counted as (

    select
        kind,
        key,
        count(*) as companies,
        min(company_id) as only_company_id
    from key_companies
    group by kind, key

),

primary_of_email as (

    select
        endusers.email,
        count(*) as primaries,
        min(companies.company_id) as company_id
    from endusers
    inner join companies on endusers.company_id = companies.company_id
    where endusers.email is not null
    group by endusers.email

),

matched as (

    select
        keysets.keyset,
        keysets.user_id,
        keysets.email,
        keysets.company_key,
        case
            when named.company_id is not null then 'company_key'
            when of_user.companies = 1 then 'user_id'
            when nearest.company_id is not null then 'user_nearest_call'
            when of_email.companies = 1 then 'email'
            when of_email.companies > 1 and primary_of_email.primaries = 1 then 'email_primary'
        end as company_matched_by,
        named.company_id as named_company_id,
        of_user.only_company_id as user_company_id,
        nearest.company_id as nearest_company_id,
        of_email.only_company_id as email_company_id,
        primary_of_email.company_id as primary_company_id,
        coalesce(of_user.companies > 1 or of_email.companies > 1, false) as has_several
    from keysets
    left join companies as named on keysets.company_key = named.company_key
    left join counted as of_user on of_user.kind = 'user_id' and keysets.user_id = of_user.key
    left join user_company_days as nearest
        on keysets.user_id = nearest.user_id and keysets.event_date = nearest.event_date
    left join counted as of_email on of_email.kind = 'email' and keysets.email = of_email.key
    left join primary_of_email on keysets.email = primary_of_email.email

),

final as (

    select
        keyset,
        user_id,
        email,
        company_key,
        company_matched_by,
        case company_matched_by
            when 'company_key' then named_company_id
            when 'user_id' then user_company_id
            when 'user_nearest_call' then nearest_company_id
            when 'email' then email_company_id
            when 'email_primary' then primary_company_id
        end as company_id,
        case
            when company_matched_by is not null then null
            when company_key is not null then 'unknown_company'
            when has_several then 'ambiguous_enduser'
            else 'no_company'
        end as reason
    from matched

)

select * from final
