with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'churn'

),

final as (

    select
        planhat_id as churn_id,
        {{ planhat_id('companyId') }} as company_id,
        {{ planhat_boolean('isChurn') }} as is_churn,
        {{ planhat_text_or_list('churnReason') }} as churn_reason,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_timestamptz('createDate') }} as created_at,
        changed_at,
        deleted_at
    from objects

)

select * from final
