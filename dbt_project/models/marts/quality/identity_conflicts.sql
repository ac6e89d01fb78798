-- One row a contradiction between two keys of one call, and what stood (§3.2, §3.4). Nobody is merged.

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    -- own keys only: what a call borrows, its link says already
    where
        user_id is not null
        and email is not null
        and not is_borrowed
        and company_id is not null
        and calls > 0

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

users as (

    select * from {{ ref('int_identity__users') }}

),

created_users as (

    select * from {{ ref('int_identity__created_users') }}

),

created_emails as (

    select * from {{ ref('int_identity__created_emails') }}

),

emails as (

    select * from {{ ref('int_identity__emails') }}

),

-- whom each is known by
external_ids as (

    select
        enduser_id,
        external_id
    from {{ ref('stg_planhat__endusers') }}
    where is_made_by_us is not true
    union all
    select
        enduser_id,
        user_id as external_id
    from created_users

),

led as (

    -- where each key leads, who was deleted included
    select
        keyset_companies.*,
        keyset_endusers.enduser_id,
        coalesce(users.enduser_id, created_users.enduser_id) as user_person_id,
        coalesce(emails.enduser_id, created_emails.enduser_id) as email_person_id
    from keyset_companies
    inner join keyset_endusers on keyset_companies.keyset = keyset_endusers.keyset
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
            keyset_companies.company_id = emails.company_id
            and keyset_companies.email = emails.email
    left join created_emails
        on
            keyset_companies.company_id = created_emails.company_id
            and keyset_companies.email = created_emails.email

),

aliases_of_users as (

    select * from {{ ref('int_identity__aliases_of_users') }}
    where is_conflict

),

two_candidates as (

    select
        case
            when led.user_person_id <> led.email_person_id then 'user_id_and_email'
            else 'external_id_of_email'
        end as kind,
        led.company_id,
        led.user_id,
        led.email,
        null as previous_id,
        led.enduser_id as user_enduser_id,
        led.email_person_id as email_enduser_id,
        led.enduser_id as stood_enduser_id,
        led.calls,
        led.first_place,
        led.last_place
    from led
    left join external_ids on led.email_person_id = external_ids.enduser_id
    where
        led.user_person_id <> led.email_person_id
        -- an enduser without an external id contradicts nobody
        or external_ids.external_id <> led.user_id

),

two_users as (

    select
        'alias_of_two_users' as kind,
        null as company_id,
        user_id,
        null as email,
        previous_id,
        null as user_enduser_id,
        null as email_enduser_id,
        null as stood_enduser_id,
        1 as calls,
        {{ place() }} as first_place,
        {{ place() }} as last_place
    from aliases_of_users

),

unioned as (

    select * from two_candidates
    union all
    select * from two_users

),

final as (

    select
        kind,
        company_id,
        user_id,
        email,
        previous_id,
        user_enduser_id,
        email_enduser_id,
        stood_enduser_id,
        sum(calls)::bigint as calls,
        {{ place_event_at('min(first_place)') }} as first_seen_at,
        {{ place_event_at('max(last_place)') }} as last_seen_at,
        {{ place_message_id('min(first_place)') }} as sample_message_id
    from unioned
    group by
        kind,
        company_id,
        user_id,
        email,
        previous_id,
        user_enduser_id,
        email_enduser_id,
        stood_enduser_id

)

select * from final
