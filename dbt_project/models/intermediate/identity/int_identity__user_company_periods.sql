-- One row a user id of several companies and period of days in which one of them stands: the one named by
-- its nearest naming call, by day: the last on or before that day, else the first after (§3.3, rule 3).

{{ config(indexes=[{'columns': ['user_id']}]) }}

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where naming_calls > 0 and user_id is not null

),

calls as (

    select * from {{ ref('int_identity__calls') }}
    where is_in_scope and type in ('identify', 'track')

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

users_of_several as (

    select key as user_id from {{ ref('int_identity__key_companies') }}
    where kind = 'user_id'
    group by key
    having count(*) > 1

),

naming_keysets as (

    select
        own_keys.keyset,
        own_keys.user_id,
        companies.company_id
    from own_keys
    inner join users_of_several on own_keys.user_id = users_of_several.user_id
    inner join companies on own_keys.company_key = companies.company_key

),

naming_calls as (

    select
        naming_keysets.user_id,
        naming_keysets.company_id,
        calls.event_date,
        {{ place('calls.event_at', 'calls.message_id') }} as place
    from naming_keysets
    inner join calls on naming_keysets.keyset = calls.keyset

),

named_days as (

    select distinct on (user_id, event_date)
        user_id,
        event_date,
        company_id
    from naming_calls
    order by user_id, event_date, place desc

),

first_named as (

    select distinct on (user_id)
        user_id,
        company_id
    from naming_calls
    order by user_id, place

),

days as (

    select
        user_id,
        '-infinity'::date as from_date,
        company_id
    from first_named
    union all
    select
        user_id,
        event_date as from_date,
        company_id
    from named_days

),

-- days of one company in a row are one period
changed as (

    select
        *,
        lag(company_id) over (partition by user_id order by from_date) as earlier_company_id
    from days

),

final as (

    select
        user_id,
        company_id,
        from_date,
        lead(from_date, 1, 'infinity') over (partition by user_id order by from_date) as to_date
    from changed
    where company_id is distinct from earlier_company_id

)

select * from final
