-- One row a Campaign in Planhat, as it is pushed to Segment. A contract: see campaign.yml.

with campaigns as (

    select * from {{ ref('stg_planhat__campaigns') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        campaigns.campaign_id as object_id,
        campaigns.campaign_id as planhat_id,
        null::text as external_id,
        campaigns.company_id,
        companies.external_id as company_external_id,

        -- what it says
        campaigns.name,
        campaigns.status
    from campaigns
    left join companies on campaigns.company_id = companies.company_id

)

select * from final
