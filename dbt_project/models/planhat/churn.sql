-- One row a Churn in Planhat, as it is pushed to Segment. A contract: see churn.yml.

with churn as (

    select * from {{ ref('stg_planhat__churn') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        churn.churn_id as object_id,
        churn.churn_id as planhat_id,
        churn.external_id as external_id,
        churn.company_id,
        companies.external_id as company_external_id,

        -- what it says
        churn.is_churn,
        churn.churn_reason,
        churn.created_at
    from churn
    left join companies on churn.company_id = companies.company_id

)

select * from final
