-- One row a set of keys, and for a user id of several companies each period of days: its company, what matched
-- it, or why there is none (§3.3), and what the calls with it amount to.

{{ config(indexes=[{'columns': ['keyset', 'from_date'], 'unique': true}]) }}

with keys as (

    select * from {{ ref('int_identity__keys') }}

),

calls as (

    select * from {{ ref('int_identity__calls') }}
    where is_in_scope

),

anonymous_calls as (

    select * from {{ ref('int_identity__anonymous_calls') }}

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

key_companies as (

    select * from {{ ref('int_identity__key_companies') }}

),

user_company_periods as (

    select * from {{ ref('int_identity__user_company_periods') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null and is_primary

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
        keys.*,
        coalesce(nearest.from_date, '-infinity') as from_date,
        coalesce(nearest.to_date, 'infinity') as to_date,
        nearest.user_id is not null as is_dated,
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
    from keys
    left join companies as named on keys.company_key = named.company_key
    left join counted as of_user on of_user.kind = 'user_id' and keys.user_id = of_user.key
    -- the day decides only where nothing before it does
    left join user_company_periods as nearest
        on named.company_id is null and of_user.companies > 1 and keys.user_id = nearest.user_id
    left join counted as of_email on of_email.kind = 'email' and keys.email = of_email.key
    left join primary_of_email on keys.email = primary_of_email.email

),

-- what the calls of each period amount to; of all days together, the keys say it
dated_calls as (

    select
        matched.keyset,
        matched.from_date,
        {{ place('calls.event_at', 'calls.message_id') }} as place,
        calls.may_create
    from matched
    inner join calls
        on
            matched.keyset = calls.keyset
            and matched.from_date <= calls.event_date
            and matched.to_date > calls.event_date
    where matched.is_dated and not matched.is_borrowed
    union all
    select
        matched.keyset,
        matched.from_date,
        {{ place('anonymous_calls.event_at', 'anonymous_calls.message_id') }} as place,
        anonymous_calls.may_create
    from matched
    inner join anonymous_calls
        on
            matched.keyset = anonymous_calls.keyset
            and matched.from_date <= anonymous_calls.event_date
            and matched.to_date > anonymous_calls.event_date
    where matched.is_dated and matched.is_borrowed

),

dated as (

    select
        keyset,
        from_date,
        count(*) as calls,
        min(place) as first_place,
        max(place) as last_place,
        min(place) filter (where may_create) as first_creating_place
    from dated_calls
    group by keyset, from_date

),

final as (

    select
        matched.keyset,
        matched.from_date,
        matched.to_date,
        matched.is_borrowed,
        matched.is_group,
        matched.user_id,
        matched.email,
        matched.company_key,
        matched.names_person,
        matched.names_company,
        matched.company_matched_by,
        case matched.company_matched_by
            when 'company_key' then matched.named_company_id
            when 'user_id' then matched.user_company_id
            when 'user_nearest_call' then matched.nearest_company_id
            when 'email' then matched.email_company_id
            when 'email_primary' then matched.primary_company_id
        end as company_id,
        case
            when matched.company_matched_by is not null then null
            when matched.company_key is not null then 'unknown_company'
            when matched.has_several then 'ambiguous_enduser'
            else 'no_company'
        end as reason,
        case when matched.is_dated then coalesce(dated.calls, 0) else matched.calls end as calls,
        case when matched.is_dated then dated.first_place else matched.first_place end as first_place,
        case when matched.is_dated then dated.last_place else matched.last_place end as last_place,
        case when matched.is_dated then dated.first_creating_place else matched.first_creating_place end
            as first_creating_place
    from matched
    left join dated on matched.keyset = dated.keyset and matched.from_date = dated.from_date

)

select * from final
