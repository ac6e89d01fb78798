with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'enduser'

),

final as (

    select
        planhat_id as enduser_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_email('email') }} as email,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_text('name') }} as name,
        {{ planhat_text('firstName') }} as first_name,
        {{ planhat_text('lastName') }} as last_name,
        {{ planhat_text('position') }} as position,
        {{ planhat_text('phone') }} as phone,
        {{ planhat_boolean('featured') }} as is_featured,
        {{ planhat_boolean('primary') }} as is_primary,
        {{ planhat_boolean('archived') }} as is_archived,
        {{ planhat_jsonb('tags') }} as tags,
        {{ planhat_jsonb('custom') }} as custom,
        changed_at,
        deleted_at,
        -- whoever deletes it there makes it Planhat's
        made_by_us and deleted_at is null as is_made_by_us
    from objects

)

select * from final
