-- One row a company key that calls name and no company of Planhat's has: how many calls, how many of them found their
-- company in another way, and how many people named it, so that somebody makes it in Planhat (§3.3).

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where company_key is not null

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where calls > 0

),

borrowed_keysets as (

    select * from {{ ref('int_identity__borrowed_keysets') }}

),

unknown as (

    select
        own_keys.keyset,
        own_keys.company_key,
        own_keys.property_email
    from own_keys
    left join company_keys on own_keys.company_key = company_keys.company_key
    where company_keys.company_id is null

),

named as (

    select
        unknown.company_key,
        coalesce(keyset_companies.user_id, keyset_companies.email) as person,
        keyset_companies.calls as events,
        case when keyset_companies.company_id is not null then keyset_companies.calls else 0 end as events_found,
        keyset_companies.first_place,
        keyset_companies.last_place
    from unknown
    inner join keyset_companies on unknown.keyset = keyset_companies.unplaced_keyset
    union all
    -- who borrows carries an own set of keys too, with which it is counted already; not so those whom properties know
    select
        unknown.company_key,
        coalesce(keyset_companies.user_id, keyset_companies.email) as person,
        case when unknown.property_email is not null then keyset_companies.calls else 0 end as events,
        case when keyset_companies.company_id is not null then keyset_companies.calls else 0 end as events_found,
        case when unknown.property_email is not null then keyset_companies.first_place end as first_place,
        case when unknown.property_email is not null then keyset_companies.last_place end as last_place
    from unknown
    inner join borrowed_keysets on unknown.keyset = borrowed_keysets.own_keyset
    inner join keyset_companies on borrowed_keysets.keyset = keyset_companies.unplaced_keyset

),

final as (

    select
        company_key,
        sum(events)::bigint as events,
        sum(events_found)::bigint as events_found,
        count(distinct person) as users,
        {{ place_event_at('min(first_place)') }} as first_seen_at,
        {{ place_event_at('max(last_place)') }} as last_seen_at,
        {{ place_message_id('min(first_place)') }} as sample_message_id
    from named
    group by company_key

)

select * from final
