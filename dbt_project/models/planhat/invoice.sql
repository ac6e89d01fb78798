-- One row an Invoice in Planhat, as it is pushed to Segment. A contract: see invoice.yml.

with invoices as (

    select * from {{ ref('stg_planhat__invoices') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        invoices.invoice_id as object_id,
        invoices.invoice_id as planhat_id,
        invoices.external_id as external_id,
        invoices.company_id,
        companies.external_id as company_external_id,

        -- what it says
        invoices.company_name,
        invoices.source_id,
        invoices.currency,
        invoices.invoice_date,
        invoices.due_date,
        invoices.paid_date,
        invoices.invoice_no,
        invoices.amount_total,
        invoices.status
    from invoices
    left join companies on invoices.company_id = companies.company_id

)

select * from final
