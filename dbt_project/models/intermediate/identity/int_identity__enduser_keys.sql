-- One row a company and external id of endusers in Planhat: the enduser that it leads to (§3.4). Unique within a
-- company; a key that somebody had leads on where nobody has it; a deleted enduser matches where nobody else
-- does. Those that we made ourselves count as the created ones that they were.

{{ config(indexes=[{'columns': ['company_id', 'external_id'], 'unique': true}]) }}

with endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where company_id is not null and is_made_by_us is not true

),

former_keys as (

    select * from {{ ref('int_identity__former_keys') }}
    where model = 'enduser' and object_id is not null

),

unioned as (

    select
        company_id,
        external_id,
        enduser_id,
        deleted_at is not null as is_deleted,
        false as is_former
    from endusers
    where external_id is not null
    union all
    select
        former_keys.company_id,
        former_keys.external_id,
        former_keys.object_id as enduser_id,
        former_keys.is_deleted,
        true as is_former
    from former_keys
    -- whoever has moved since is not there any more
    inner join endusers
        on former_keys.object_id = endusers.enduser_id and former_keys.company_id = endusers.company_id

),

final as (

    select distinct on (company_id, external_id)
        company_id,
        external_id,
        enduser_id,
        is_deleted,
        is_former
    from unioned
    order by company_id, external_id, is_deleted, is_former, enduser_id

)

select * from final
