-- One row an Issue in Planhat, as it is pushed to Segment. A contract: see issue.yml.

with issues as (

    select * from {{ ref('stg_planhat__issues') }}
    where deleted_at is null

),

final as (

    select
        -- keys
        issues.issue_id as object_id,
        issues.issue_id as planhat_id,
        null::text as external_id,
        null::text as company_id,
        null::text as company_external_id,

        -- what it says
        issues.title,
        issues.company_ids,
        issues.enduser_ids,
        issues.source_id,
        issues.priority,
        issues.status,
        issues.mrr_combined,
        issues.created_at
    from issues

)

select * from final
