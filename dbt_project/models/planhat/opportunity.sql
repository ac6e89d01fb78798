-- One row an Opportunity in Planhat, as it is pushed to Segment. A contract: see opportunity.yml.

with opportunities as (

    select * from {{ ref('stg_planhat__opportunities') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        opportunities.opportunity_id as object_id,
        opportunities.opportunity_id as planhat_id,
        opportunities.external_id as external_id,
        opportunities.company_id,
        companies.external_id as company_external_id,

        -- what it says
        opportunities.title,
        opportunities.sales_stage,
        opportunities.deal_date,
        opportunities.close_date,
        opportunities.source_id,
        opportunities.currency,
        opportunities.owner_id,
        opportunities.mrr,
        opportunities.arr,
        opportunities.nrr,
        opportunities.contract_length,
        opportunities.status,
        opportunities.custom
    from opportunities
    left join companies on opportunities.company_id = companies.company_id

)

select * from final
