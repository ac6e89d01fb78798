-- One row a company external id: the companies that are in Planhat and not deleted there (§3.0).
-- Should two companies carry one external id, the one with the smaller id stands.

{{ config(indexes=[{'columns': ['company_id'], 'unique': true}]) }}

with companies as (

    select * from {{ ref('stg_planhat__companies') }}
    where deleted_at is null

),

ranked as (

    select
        company_id,
        external_id,
        row_number() over (partition by external_id order by company_id) as place
    from companies

),

final as (

    select
        company_id,
        -- null: known, but no event can name it
        case when place = 1 then external_id end as company_key
    from ranked

)

select * from final
