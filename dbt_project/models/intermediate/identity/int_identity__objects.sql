-- One row a model, company and external id of objects in Planhat, one that they had included: the object that events
-- name by it (§3.1).

{{ config(
    materialized='journaled',
    unique_key=['model', 'company_id', 'external_id'],
    meta={'compares': 'always'}
) }}

with objects as (

    select * from {{ ref('stg_planhat__objects') }}

),

former_keys as (

    select * from {{ ref('int_identity__former_keys') }}
    where object_id is not null and not is_deleted and company_id is not null

),

known as (

    select
        model,
        company_id,
        external_id,
        object_id,
        false as is_former
    from objects
    where deleted_at is null and external_id is not null and company_id is not null
    union all
    select
        former_keys.model,
        former_keys.company_id,
        former_keys.external_id,
        former_keys.object_id,
        true as is_former
    from former_keys
    -- where it has moved since it is not any more
    inner join objects
        on
            former_keys.model = objects.model
            and former_keys.object_id = objects.object_id
            and former_keys.company_id = objects.company_id

),

final as (

    select distinct on (model, company_id, external_id)
        model,
        company_id,
        external_id,
        object_id
    from known
    order by model, company_id, external_id, is_former, object_id

)

select * from final
