-- One row an Enduser in Planhat, as it is pushed to Segment. A contract: see enduser.yml.

with endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        endusers.enduser_id as object_id,
        endusers.enduser_id as planhat_id,
        endusers.external_id as external_id,
        endusers.company_id,
        companies.external_id as company_external_id,
        endusers.email,

        -- what it says
        endusers.source_id,
        endusers.name,
        endusers.first_name,
        endusers.last_name,
        endusers.position,
        endusers.phone,
        endusers.is_featured,
        endusers.is_primary,
        endusers.is_archived,
        endusers.tags,
        endusers.custom
    from endusers
    left join companies on endusers.company_id = companies.company_id

)

select * from final
