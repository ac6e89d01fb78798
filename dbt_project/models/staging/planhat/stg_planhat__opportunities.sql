with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'opportunity'

),

final as (

    select
        planhat_id as opportunity_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('title') }} as title,
        {{ planhat_text('salesStage') }} as sales_stage,
        {{ planhat_timestamptz('dealDate') }} as deal_date,
        {{ planhat_timestamptz('closeDate') }} as close_date,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_currency('_currency') }} as currency,
        {{ planhat_text('ownerId') }} as owner_id,
        {{ planhat_numeric('mrr') }} as mrr,
        {{ planhat_numeric('arr') }} as arr,
        {{ planhat_numeric('nrr') }} as nrr,
        {{ planhat_numeric('contractLength') }} as contract_length,
        {{ planhat_text('status') }} as status,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
