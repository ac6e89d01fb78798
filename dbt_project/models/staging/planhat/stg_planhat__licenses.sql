with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'license'

),

final as (

    select
        planhat_id as license_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_text('product') }} as product,
        {{ planhat_currency('_currency') }} as currency,
        {{ planhat_timestamptz('fromDate') }} as from_date,
        {{ planhat_timestamptz('toDate') }} as to_date,
        {{ planhat_boolean('fixedPeriod') }} as is_fixed_period,
        {{ planhat_numeric('mrr') }} as mrr,
        {{ planhat_numeric('value') }} as value,
        {{ planhat_text('renewalStatus') }} as renewal_status,
        {{ planhat_boolean('autoRenews') }} as auto_renews,
        {{ planhat_numeric('renewalPeriod') }} as renewal_period,
        {{ planhat_numeric('noticePeriod') }} as notice_period,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
