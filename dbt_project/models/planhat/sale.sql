-- One row a Sale in Planhat, as it is pushed to Segment. A contract: see sale.yml.

with sales as (

    select * from {{ ref('stg_planhat__sales') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        sales.sale_id as object_id,
        sales.sale_id as planhat_id,
        sales.external_id as external_id,
        sales.company_id,
        companies.external_id as company_external_id,

        -- what it says
        sales.source_id,
        sales.product,
        sales.currency,
        sales.sales_date,
        sales.value,
        sales.custom
    from sales
    left join companies on sales.company_id = companies.company_id

)

select * from final
