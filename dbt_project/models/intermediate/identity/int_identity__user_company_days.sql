-- One row a user id of several companies and day on which it did something: the company named by its
-- nearest naming call, by day: the last on or before that day, else the first after (§3.3, rule 3).

with calls as (

    select * from {{ ref('int_identity__calls') }}
    where out_of_scope is null and type in ('identify', 'track') and user_id is not null

),

calls_linked as (

    select * from {{ ref('int_identity__calls_linked') }}
    where unidentified is null and user_id is not null

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

key_companies as (

    select * from {{ ref('int_identity__key_companies') }}

),

users_of_several as (

    select key as user_id from key_companies
    where kind = 'user_id'
    group by key
    having count(*) > 1

),

named_days as (

    select distinct on (calls.user_id, calls.event_date)
        calls.user_id,
        calls.event_date,
        companies.company_id
    from calls
    inner join users_of_several on calls.user_id = users_of_several.user_id
    inner join companies on calls.company_key = companies.company_key
    order by calls.user_id, calls.event_date, calls.event_at desc, calls.message_id collate "C" desc

),

first_named as (

    select distinct on (calls.user_id)
        calls.user_id,
        companies.company_id
    from calls
    inner join companies on calls.company_key = companies.company_key
    order by calls.user_id, calls.event_at, calls.message_id collate "C"

),

numbered as (

    select
        *,
        row_number() over (partition by user_id order by event_date) as place
    from named_days

),

active_days as (

    select distinct
        calls_linked.user_id,
        calls_linked.event_date
    from calls_linked
    inner join users_of_several on calls_linked.user_id = users_of_several.user_id

),

final as (

    select
        active_days.user_id,
        active_days.event_date,
        case
            when counted.named_so_far = 0 then first_named.company_id else numbered.company_id
        end as company_id
    from active_days
    inner join first_named on active_days.user_id = first_named.user_id
    cross join lateral (
        select count(*) as named_so_far from named_days
        where
            named_days.user_id = active_days.user_id
            and named_days.event_date <= active_days.event_date
    ) as counted
    inner join numbered
        on
            active_days.user_id = numbered.user_id
            and greatest(counted.named_so_far, 1) = numbered.place

)

select * from final
