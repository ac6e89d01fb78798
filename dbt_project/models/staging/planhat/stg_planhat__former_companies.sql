-- One row a company that an enduser was in, of those who are in Planhat and in another company now.

with former_companies as (

    select * from {{ source('raw_planhat', 'former_companies') }}

),

objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'enduser' and deleted_at is null

),

moved as (

    select
        former_companies.planhat_id as enduser_id,
        former_companies.company as company_id,
        {{ planhat_id('companyId') }} as present_company_id,
        former_companies.last_read_id
    from former_companies
    inner join objects on former_companies.planhat_id = objects.planhat_id

),

final as (

    select * from moved
    -- not who came back
    where company_id <> present_company_id

)

select * from final
