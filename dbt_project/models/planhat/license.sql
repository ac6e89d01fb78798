-- One row a License in Planhat, as it is pushed to Segment. A contract: see license.yml.

with licenses as (

    select * from {{ ref('stg_planhat__licenses') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        licenses.license_id as object_id,
        licenses.license_id as planhat_id,
        licenses.external_id as external_id,
        licenses.company_id,
        companies.external_id as company_external_id,

        -- what it says
        licenses.source_id,
        licenses.product,
        licenses.currency,
        licenses.from_date,
        licenses.to_date,
        licenses.is_fixed_period,
        licenses.mrr,
        licenses.value,
        licenses.renewal_status,
        licenses.auto_renews,
        licenses.renewal_period,
        licenses.notice_period,
        licenses.custom
    from licenses
    left join companies on licenses.company_id = companies.company_id

)

select * from final
