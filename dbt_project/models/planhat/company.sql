-- One row a Company in Planhat, as it is pushed to Segment. A contract: see company.yml.

with companies as (

    select * from {{ ref('stg_planhat__companies') }}
    where deleted_at is null

),

final as (

    select
        -- keys
        companies.company_id as object_id,
        companies.company_id as planhat_id,
        companies.external_id as external_id,
        companies.company_id,
        companies.external_id as company_external_id,

        -- what it says
        companies.name,
        companies.source_id,
        companies.owner,
        companies.co_owner,
        companies.phase,
        companies.status,
        companies.domains,
        companies.health,
        companies.csm_score,
        companies.customer_from,
        companies.customer_to,
        companies.renewal_date,
        companies.mrr,
        companies.mrr_total,
        companies.nrr30,
        companies.last_touch,
        companies.tags,
        companies.custom
    from companies

)

select * from final
