-- One row a call in scope: the keys it is resolved by. An anonymous call borrows those of its
-- nearest link: the last at or before it, else the first after (§3.2).

{{ config(indexes=[
    {'columns': ['message_key'], 'unique': true},
    {'columns': ['keyset']},
    {'columns': ['user_id']},
    {'columns': ['email']},
]) }}

with calls as (

    select * from {{ ref('int_identity__calls') }}
    where out_of_scope is null

),

links as (

    select * from {{ ref('int_identity__links') }}

),

anonymous_calls as (

    select * from calls
    where anonymous_id is not null and user_id is null and email is null and type <> 'group'

),

points as (

    select
        anonymous_id,
        event_at,
        message_id,
        null::uuid as message_key
    from links
    union all
    select
        anonymous_id,
        event_at,
        message_id,
        message_key
    from anonymous_calls

),

counted as (

    select
        message_key,
        anonymous_id,
        count(*) filter (where message_key is null) over (
            partition by anonymous_id
            order by {{ in_order() }}
        ) as links_so_far
    from points

),

borrowed as (

    select
        counted.message_key,
        links.user_id,
        links.email,
        links.company_key,
        links.message_id as linked_by_message_id
    from counted
    inner join links
        on
            counted.anonymous_id = links.anonymous_id
            and greatest(counted.links_so_far, 1) = links.link_number
    where counted.message_key is not null

),

effective as (

    select
        calls.message_key,
        calls.message_id,
        calls.type,
        calls.event_at,
        calls.event_date,
        calls.may_create,
        borrowed.linked_by_message_id,
        -- a group call is about its company alone (§3.8)
        case when calls.type <> 'group' then coalesce(calls.user_id, borrowed.user_id) end
            as user_id,
        case when calls.type <> 'group' then coalesce(calls.email, borrowed.email) end as email,
        coalesce(calls.company_key, borrowed.company_key) as company_key,
        calls.names_person,
        calls.names_company,
        coalesce(calls.user_id, calls.email, calls.anonymous_id) is null as is_nobody
    from calls
    left join borrowed on calls.message_key = borrowed.message_key

),

final as (

    select
        message_key,
        message_id,
        type,
        event_at,
        event_date,
        may_create,
        linked_by_message_id,
        user_id,
        email,
        company_key,
        -- calls with the same keys resolve alike; the day decides only between several companies
        md5(row(user_id, email, company_key, event_date)::text)::uuid as keyset,
        case
            when type = 'group' and company_key is not null then null
            when type = 'group' and names_company then 'blocked_identity'
            when type = 'group' then 'no_identity'
            when user_id is not null or email is not null then null
            when names_person and is_nobody then 'blocked_identity'
            else 'no_identity'
        end as unidentified
    from effective

)

select * from final
