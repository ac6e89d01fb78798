-- One row a Workspace in Planhat, as it is pushed to Segment. A contract: see workspace.yml.

with workspaces as (

    select * from {{ ref('stg_planhat__workspaces') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        workspaces.workspace_id as object_id,
        workspaces.workspace_id as planhat_id,
        null::text as external_id,
        workspaces.company_id,
        companies.external_id as company_external_id,

        -- what it says
        workspaces.name,
        workspaces.status
    from workspaces
    left join companies on workspaces.company_id = companies.company_id

)

select * from final
