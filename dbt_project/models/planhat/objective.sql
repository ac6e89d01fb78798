-- One row an Objective in Planhat, as it is pushed to Segment. A contract: see objective.yml.

with objectives as (

    select * from {{ ref('stg_planhat__objectives') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        objectives.objective_id as object_id,
        objectives.objective_id as planhat_id,
        null::text as external_id,
        objectives.company_id,
        companies.external_id as company_external_id,

        -- what it says
        objectives.name,
        objectives.status
    from objectives
    left join companies on objectives.company_id = companies.company_id

)

select * from final
