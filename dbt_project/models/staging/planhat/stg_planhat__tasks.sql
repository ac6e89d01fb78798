with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'task'

),

final as (

    select
        planhat_id as task_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('mainType') }} as main_type,
        {{ planhat_text('action') }} as action,
        {{ planhat_timestamptz('startTime') }} as start_at,
        {{ planhat_timestamptz('endTime') }} as end_at,
        {{ planhat_timestamptz('dateDone') }} as done_at,
        {{ planhat_text('type') }} as type,
        {{ planhat_text('ownerId') }} as owner_id,
        {{ planhat_text('status') }} as status,
        changed_at,
        deleted_at
    from objects

)

select * from final
