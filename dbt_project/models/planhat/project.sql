-- One row a Project in Planhat, as it is pushed to Segment. A contract: see project.yml.

with projects as (

    select * from {{ ref('stg_planhat__projects') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        projects.project_id as object_id,
        projects.project_id as planhat_id,
        projects.external_id as external_id,
        projects.company_id,
        companies.external_id as company_external_id,

        -- what it says
        projects.name,
        projects.source_id,
        projects.currency,
        projects.start_date,
        projects.end_date,
        projects.mrr,
        projects.arr,
        projects.nrr,
        projects.custom
    from projects
    left join companies on projects.company_id = companies.company_id

)

select * from final
