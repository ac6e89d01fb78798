-- One row a model, company and external id of objects in Planhat: the object that events name by it (§3.1).

{{ config(
    materialized='journaled',
    compares='always',
    unique_key=['model', 'company_id', 'external_id'],
    indexes=[{'columns': ['model', 'company_id', 'external_id'], 'unique': true}]
) }}

with objects as (

    select * from {{ ref('stg_planhat__objects') }}

),

final as (

    select distinct on (model, company_id, external_id)
        model,
        company_id,
        external_id,
        object_id
    from objects
    where deleted_at is null and external_id is not null and company_id is not null
    order by model, company_id, external_id, object_id

)

select * from final
