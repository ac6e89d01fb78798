-- One row an enduser that was ever active, in Planhat or created: what we compute of it, apart from what Planhat says
-- because it changes daily. A contract: see enduser_usage.yml. A view: it is read when it is pushed.

{{ config(materialized='view') }}

with endusers as (

    select * from {{ ref('endusers') }}

),

planhat_endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

usage_trends as (

    select * from {{ ref('usage_trends') }}
    where object_type = 'enduser'

),

final as (

    select
        -- keys
        endusers.enduser_id as object_id,
        planhat_endusers.enduser_id as planhat_id,
        endusers.external_id,
        endusers.company_id,
        companies.external_id as company_external_id,

        -- what it did
        {{ pushed_usage() }}
    from usage_trends
    inner join endusers on usage_trends.object_id = endusers.enduser_id
    left join planhat_endusers on endusers.enduser_id = planhat_endusers.enduser_id
    left join companies on endusers.company_id = companies.company_id

)

select * from final
