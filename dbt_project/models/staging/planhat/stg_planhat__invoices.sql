with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'invoice'

),

final as (

    select
        planhat_id as invoice_id,
        {{ planhat_id('cId') }} as company_id,
        {{ planhat_text('cName') }} as company_name,
        {{ planhat_key('extId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_currency('currency') }} as currency,
        {{ planhat_days('invoiceDate') }} as invoice_date,
        {{ planhat_days('dueDate') }} as due_date,
        {{ planhat_days('paidDate') }} as paid_date,
        {{ planhat_text('invoiceNo') }} as invoice_no,
        {{ planhat_numeric('amountTotal') }} as amount_total,
        {{ planhat_text('status') }} as status,
        changed_at,
        deleted_at
    from objects

)

select * from final
