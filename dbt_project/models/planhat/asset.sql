-- One row an Asset in Planhat, as it is pushed to Segment. A contract: see asset.yml.

with assets as (

    select * from {{ ref('stg_planhat__assets') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        assets.asset_id as object_id,
        assets.asset_id as planhat_id,
        assets.external_id as external_id,
        assets.company_id,
        companies.external_id as company_external_id,

        -- what it says
        assets.name,
        assets.source_id,
        assets.serial_number,
        assets.value,
        assets.currency,
        assets.install_date,
        assets.status,
        assets.owner_id,
        assets.custom
    from assets
    left join companies on assets.company_id = companies.company_id

)

select * from final
