-- One row a contradiction between two keys of one call, and what stood (§3.2, §3.4). Nobody is merged.

with calls_linked as (

    select * from {{ ref('int_identity__calls_linked') }}
    where user_id is not null and email is not null

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}
    where company_id is not null

),

endusers_by_email as (

    select * from {{ ref('int_identity__endusers_by_email') }}
    where enduser_id is not null

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}

),

aliases_of_users as (

    select * from {{ ref('int_identity__aliases_of_users') }}
    where is_conflict

),

two_candidates as (

    select
        case
            when (keyset_endusers.enduser_id is distinct from endusers_by_email.enduser_id)
                then 'user_id_and_email'
            else 'external_id_of_email'
        end as kind,
        keyset_endusers.company_id,
        calls_linked.user_id,
        calls_linked.email,
        null as previous_id,
        keyset_endusers.enduser_id as user_enduser_id,
        endusers_by_email.enduser_id as email_enduser_id,
        keyset_endusers.enduser_id as stood_enduser_id,
        calls_linked.event_at,
        calls_linked.message_id
    from calls_linked
    inner join keyset_endusers on calls_linked.keyset = keyset_endusers.keyset
    inner join endusers_by_email
        on
            keyset_endusers.company_id = endusers_by_email.company_id
            and calls_linked.email = endusers_by_email.email
    inner join endusers on endusers_by_email.enduser_id = endusers.enduser_id
    where
        keyset_endusers.enduser_id is distinct from endusers_by_email.enduser_id
        -- an enduser without an external id contradicts nobody
        or endusers.external_id <> calls_linked.user_id

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
        event_at,
        message_id
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
        count(*) as calls,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        (array_agg(message_id order by {{ in_order() }}))[1] as sample_message_id
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
