-- One row a company and e-mail of endusers in Planhat: the one that it means, if it means one: the only
-- one, or the only primary one (§3.4). Deleted endusers are asked only when nobody else has it, and of several of
-- them it does not matter which.

{{ config(indexes=[{'columns': ['company_id', 'email'], 'unique': true}]) }}

with endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where email is not null and company_id is not null and is_made_by_us is not true

),

counted as (

    select
        company_id,
        email,
        deleted_at is not null as is_deleted,
        count(*) as endusers,
        count(*) filter (where is_primary) as primaries,
        min(enduser_id) as only_enduser_id,
        min(enduser_id) filter (where is_primary) as only_primary_id
    from endusers
    group by company_id, email, deleted_at is not null

),

final as (

    select distinct on (company_id, email)
        company_id,
        email,
        is_deleted,
        case
            when endusers = 1 or is_deleted then only_enduser_id
            when primaries = 1 then only_primary_id
        end as enduser_id
    from counted
    order by company_id, email, is_deleted

)

select * from final
