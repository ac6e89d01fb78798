-- One row a Task in Planhat, as it is pushed to Segment. A contract: see task.yml.

with tasks as (

    select * from {{ ref('stg_planhat__tasks') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        tasks.task_id as object_id,
        tasks.task_id as planhat_id,
        null::text as external_id,
        tasks.company_id,
        companies.external_id as company_external_id,

        -- what it says
        tasks.main_type,
        tasks.action,
        tasks.start_at,
        tasks.end_at,
        tasks.done_at,
        tasks.type,
        tasks.owner_id,
        tasks.status
    from tasks
    left join companies on tasks.company_id = companies.company_id

)

select * from final
