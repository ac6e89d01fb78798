-- One row an object of any model: the keys under which an event can name it.

with objects as (

    select * from {{ ref('base_planhat__objects') }}

),

final as (

    select
        model,
        planhat_id as object_id,
        coalesce({{ planhat_id('companyId') }}, {{ planhat_id('cId') }}) as company_id,
        coalesce({{ planhat_key('externalId') }}, {{ planhat_key('extId') }}) as external_id,
        deleted_at
    from objects

)

select * from final
