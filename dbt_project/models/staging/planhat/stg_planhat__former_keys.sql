-- One row a key that an object had and has not any more, of an object that is known still.

with former_keys as (

    select
        *,
        {{ key_form('external_id') }} as former_external_id
    from {{ source('raw_planhat', 'former_keys') }}

),

objects as (

    select * from {{ ref('base_planhat__objects') }}

),

final as (

    select
        former_keys.model,
        -- of a company: null
        nullif(former_keys.company, '') as company_id,
        former_keys.former_external_id as external_id,
        former_keys.planhat_id as object_id,
        former_keys.last_read_id,
        objects.deleted_at
    from former_keys
    inner join objects on former_keys.model = objects.model and former_keys.planhat_id = objects.planhat_id
    where former_keys.former_external_id is not null

)

select * from final
