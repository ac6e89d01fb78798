-- One row a model, company and former key, with the object that it leads to where no object has it as its own: of
-- several former holders the last, and if that does not decide, null: nobody (§3.3). Who is in Planhat is asked
-- before who was deleted there.

{{ config(indexes=[{'columns': ['model', 'company_id', 'external_id']}]) }}

with former_keys as (

    select * from {{ ref('stg_planhat__former_keys') }}

),

ranked as (

    select
        *,
        rank() over (
            partition by model, company_id, external_id
            order by deleted_at is not null, last_read_id desc
        ) as place
    from former_keys

),

final as (

    select
        model,
        company_id,
        external_id,
        case when count(*) = 1 then min(object_id) end as object_id,
        count(*) as holders,
        bool_and(deleted_at is not null) as is_deleted
    from ranked
    where place = 1
    group by model, company_id, external_id

)

select * from final
