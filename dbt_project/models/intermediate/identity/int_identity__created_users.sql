-- One row an enduser created from a user id: unknown to Planhat in that company, and named by an
-- identify or track call while auto-create was on (§3.5).

{{ config(indexes=[{'columns': ['company_id', 'user_id'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where first_creating_place is not null

),

users as (

    select * from {{ ref('int_identity__users') }}
    where matched_by = 'created_user'

),

-- whom we sent to Planhat: it is the same person under Planhat's id
made as (

    select
        company_id,
        external_id,
        min(enduser_id) as enduser_id
    from {{ ref('stg_planhat__endusers') }}
    where is_made_by_us and external_id is not null
    group by company_id, external_id

),

final as (

    select distinct on (users.company_id, users.user_id)
        users.company_id,
        users.user_id,
        users.email,
        coalesce(made.enduser_id, 'segment-' || md5(row(users.company_id, 'user_id', users.user_id)::text))
            as enduser_id,
        {{ place_message_id('keyset_companies.first_creating_place') }} as created_by_message_id,
        {{ place_event_at('keyset_companies.first_creating_place') }} as created_at
    from keyset_companies
    inner join users
        on
            keyset_companies.company_id = users.company_id
            and keyset_companies.user_id = users.user_id
    left join made on users.company_id = made.company_id and users.user_id = made.external_id
    order by users.company_id, users.user_id, keyset_companies.first_creating_place

)

select * from final
