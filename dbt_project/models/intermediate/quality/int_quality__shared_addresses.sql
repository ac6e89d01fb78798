-- One row an e-mail address, or domain of addresses, that spans many companies and is neither blocked nor excluded:
-- whom it finds depends on the company that is named beside it (§3.3). A view: keys are few beside calls.

{{ config(materialized='view') }}

with emails as (

    select
        key as email,
        company_id
    from {{ ref('int_identity__key_companies') }}
    where kind = 'email'

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

excluded as (

    select * from {{ ref('stg_settings__excluded') }}

),

addresses as (

    select
        'address' as kind,
        email as address,
        email as example,
        count(*) as companies
    from emails
    group by email
    having count(*) >= (select odd_address_companies from thresholds)

),

-- once each: counting what differs would sort them all
domain_companies as (

    select
        split_part(email, '@', 2) as domain,
        company_id,
        min(email collate "C") as example
    from emails
    group by split_part(email, '@', 2), company_id

),

domains as (

    select
        'domain' as kind,
        domain as address,
        min(example collate "C") as example,
        count(*) as companies
    from domain_companies
    where domain <> ''
    group by domain
    having count(*) >= (select odd_domain_companies from thresholds)

),

unioned as (

    select * from addresses
    union all
    select * from domains

),

final as (

    select unioned.*
    from unioned
    cross join blocked
    cross join excluded
    where
        {{ is_unblocked('unioned.example', blocked_of('email', 'blocked')) }}
        and unioned.address <> all(excluded.excluded_emails)
        and split_part(unioned.example, '@', 2) <> all(excluded.excluded_domains)

)

select * from final
