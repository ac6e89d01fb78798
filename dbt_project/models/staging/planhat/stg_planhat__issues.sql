with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'issue'

),

final as (

    select
        planhat_id as issue_id,
        {{ planhat_text('title') }} as title,
        {{ planhat_jsonb('companyIds') }} as company_ids,
        {{ planhat_jsonb('enduserIds') }} as enduser_ids,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_text('priority') }} as priority,
        {{ planhat_text('status') }} as status,
        {{ planhat_numeric('mrrCombined') }} as mrr_combined,
        {{ planhat_timestamptz('createdAt') }} as created_at,
        {{ planhat_timestamptz('updatedAt') }} as updated_at,
        changed_at,
        deleted_at
    from objects

)

select * from final
