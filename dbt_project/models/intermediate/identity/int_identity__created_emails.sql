-- One row an enduser created from an e-mail alone (§3.5).

{{ config(indexes=[{'columns': ['company_id', 'email'], 'unique': true}]) }}

with keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}
    where first_creating_place is not null and user_id is null

),

-- whom we sent to Planhat: it is the same person under Planhat's id
made as (

    select
        company_id,
        email,
        min(enduser_id) as enduser_id
    from {{ ref('stg_planhat__endusers') }}
    where is_made_by_us and external_id is null
    group by company_id, email

),

emails as (

    select * from {{ ref('int_identity__emails') }}
    where matched_by = 'created_email'

),

final as (

    select distinct on (emails.company_id, emails.email)
        emails.company_id,
        emails.email,
        coalesce(made.enduser_id, 'segment-' || md5(row(emails.company_id, 'email', emails.email)::text))
            as enduser_id,
        {{ place_message_id('keyset_companies.first_creating_place') }} as created_by_message_id,
        {{ place_event_at('keyset_companies.first_creating_place') }} as created_at
    from keyset_companies
    inner join emails
        on
            keyset_companies.company_id = emails.company_id
            and keyset_companies.email = emails.email
    left join made on emails.company_id = made.company_id and emails.email = made.email
    order by emails.company_id, emails.email, keyset_companies.first_creating_place

)

select * from final
