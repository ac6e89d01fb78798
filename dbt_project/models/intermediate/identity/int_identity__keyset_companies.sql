-- One row a set of keys that calls resolve by, and of a user id of several companies one for each that its calls are
-- placed in: its company, what matched it, or why there is none (§3.3), and what the calls with it amount to.

{{ config(indexes=[{'columns': ['keyset'], 'unique': true}]) }}

with keys as (

    select * from {{ ref('int_identity__keys') }}

),

placed_calls as (

    select * from {{ ref('int_identity__placed_calls') }}

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

key_companies as (

    select * from {{ ref('int_identity__key_companies') }}

),

last_emails as (

    select * from {{ ref('int_identity__last_emails') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null and is_primary and is_made_by_us is not true

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
        -- two of one company are still one company
        count(distinct companies.company_id) as companies,
        min(companies.company_id) as company_id
    from endusers
    inner join companies on endusers.company_id = companies.company_id
    where endusers.email is not null
    group by endusers.email

),

placed as (

    select
        keyset,
        unplaced_keyset,
        company_id,
        count(*) as calls,
        min(place) as first_place,
        max(place) as last_place,
        max(place) filter (where may_tell) as last_telling_place,
        min(place) filter (where may_create) as first_creating_place
    from placed_calls
    group by keyset, unplaced_keyset, company_id

),

-- of whose calls each is placed by itself
placed_users as (

    select distinct keys.user_id
    from placed
    inner join keys on placed.unplaced_keyset = keys.keyset

),

unplaced as (

    select
        keys.*,
        case
            when named.company_id is not null then 'company_key'
            when of_user.companies = 1 then 'user_id'
            when of_email.companies = 1 then 'email'
            when of_email.companies > 1 and primary_of_email.companies = 1 then 'email_primary'
        end as company_matched_by,
        named.company_id as named_company_id,
        of_user.only_company_id as user_company_id,
        of_email.only_company_id as email_company_id,
        primary_of_email.company_id as primary_company_id,
        coalesce(of_user.companies > 1 or of_email.companies > 1, false) as has_several
    from keys
    left join company_keys as named on keys.company_key = named.company_key
    left join counted as of_user on of_user.kind = 'user_id' and keys.user_id = of_user.key
    left join last_emails on keys.user_id = last_emails.user_id
    left join counted as of_email
        on
            of_email.kind = 'email'
            and coalesce(keys.email, last_emails.email, {{ address_of('keys.user_id') }}) = of_email.key
    left join primary_of_email on of_email.key = primary_of_email.email
    left join placed_users on keys.user_id = placed_users.user_id
    where named.company_id is not null or placed_users.user_id is null

),

final as (

    select
        keyset,
        keyset as unplaced_keyset,
        is_borrowed,
        is_group,
        is_anonymous,
        is_excluded,
        user_id,
        email,
        company_key,
        names_person,
        names_company,
        company_matched_by,
        case company_matched_by
            when 'company_key' then named_company_id
            when 'user_id' then user_company_id
            when 'email' then email_company_id
            when 'email_primary' then primary_company_id
        end as company_id,
        case
            when company_matched_by is not null then null
            when company_key is not null then 'unknown_company'
            when has_several then 'ambiguous_enduser'
            else 'no_company'
        end as reason,
        calls,
        first_place,
        last_place,
        last_telling_place,
        first_creating_place
    from unplaced
    union all
    select
        placed.keyset,
        placed.unplaced_keyset,
        keys.is_borrowed,
        keys.is_group,
        keys.is_anonymous,
        keys.is_excluded,
        keys.user_id,
        keys.email,
        keys.company_key,
        keys.names_person,
        keys.names_company,
        'user_nearest_call' as company_matched_by,
        placed.company_id,
        null as reason,
        placed.calls,
        placed.first_place,
        placed.last_place,
        placed.last_telling_place,
        case when keys.is_excluded is not true then placed.first_creating_place end as first_creating_place
    from placed
    inner join keys on placed.unplaced_keyset = keys.keyset

)

select * from final
