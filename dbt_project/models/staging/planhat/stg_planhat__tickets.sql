with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'ticket'

),

final as (

    select
        planhat_id as ticket_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_email('email') }} as email,
        {{ planhat_text('title') }} as title,
        {{ planhat_text('type') }} as type,
        {{ planhat_text('severity') }} as severity,
        {{ planhat_text('product') }} as product,
        {{ planhat_text('status') }} as status,
        {{ planhat_numeric('timeSpent') }} as time_spent,
        changed_at,
        deleted_at
    from objects

)

select * from final
