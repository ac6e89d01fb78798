with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'company'

),

final as (

    select
        planhat_id as company_id,
        {{ planhat_text('name') }} as name,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_text('owner') }} as owner,
        {{ planhat_text('coOwner') }} as co_owner,
        {{ planhat_text('phase') }} as phase,
        {{ planhat_text('status') }} as status,
        {{ planhat_jsonb('domains') }} as domains,
        {{ planhat_numeric('h') }} as health,
        {{ planhat_numeric('csmScore') }} as csm_score,
        {{ planhat_timestamptz('customerFrom') }} as customer_from,
        {{ planhat_timestamptz('customerTo') }} as customer_to,
        {{ planhat_timestamptz('renewalDate') }} as renewal_date,
        {{ planhat_numeric('mrr') }} as mrr,
        {{ planhat_numeric('mrrTotal') }} as mrr_total,
        {{ planhat_numeric('nrr30') }} as nrr30,
        {{ planhat_timestamptz('lastTouch') }} as last_touch,
        {{ planhat_jsonb('tags') }} as tags,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
