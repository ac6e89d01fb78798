with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'conversation'

),

final as (

    select
        planhat_id as conversation_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('subject') }} as subject,
        {{ planhat_text('type') }} as type,
        {{ planhat_timestamptz('date') }} as conversation_at,
        {{ planhat_jsonb('users') }} as users,
        {{ planhat_jsonb('endusers') }} as endusers,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_jsonb('activityTags') }} as activity_tags,
        {{ planhat_boolean('archived') }} as is_archived,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at
    from objects

)

select * from final
