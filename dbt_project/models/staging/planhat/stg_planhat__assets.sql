with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'asset'

),

final as (

    select
        planhat_id as asset_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('name') }} as name,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_text('serialNumber') }} as serial_number,
        {{ planhat_numeric('value') }} as value,
        {{ planhat_currency('_currency') }} as currency,
        {{ planhat_timestamptz('installDate') }} as install_date,
        {{ planhat_text('status') }} as status,
        {{ planhat_text('ownerId') }} as owner_id,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
