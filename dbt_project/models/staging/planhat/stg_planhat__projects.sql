with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'project'

),

final as (

    select
        planhat_id as project_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('name') }} as name,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_currency('currency') }} as currency,
        {{ planhat_timestamptz('startDate') }} as start_date,
        {{ planhat_timestamptz('endDate') }} as end_date,
        {{ planhat_numeric('mrr') }} as mrr,
        {{ planhat_numeric('arr') }} as arr,
        {{ planhat_numeric('nrr') }} as nrr,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
