with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'objective'

),

final as (

    select
        planhat_id as objective_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_text('name') }} as name,
        {{ planhat_text('status') }} as status,
        changed_at,
        deleted_at
    from objects

)

select * from final
