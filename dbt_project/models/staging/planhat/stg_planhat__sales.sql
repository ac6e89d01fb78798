with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'sale'

),

final as (

    select
        planhat_id as sale_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_text('product') }} as product,
        {{ planhat_currency('_currency') }} as currency,
        {{ planhat_timestamptz('salesDate') }} as sales_date,
        {{ planhat_numeric('value') }} as value,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
