-- One row an enduser created from Segment calls (§3.5) that Planhat does not have yet. Once Planhat has it, it is one
-- of the model enduser and goes on under the same user id. A contract: see created_enduser.yml. A view: it is read
-- when it is pushed.

{{ config(materialized='view') }}

with endusers as (

    select * from {{ ref('endusers') }}
    where origin = 'segment'

),

planhat_endusers as (

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
        null::text as planhat_id,
        endusers.external_id,
        endusers.company_id,
        companies.external_id as company_external_id,
        endusers.email,

        -- what its calls say
        endusers.name,
        endusers.first_name,
        endusers.last_name,
        endusers.position,
        endusers.phone
    from endusers
    -- whom we made in Planhat counts as created, and is there
    left join planhat_endusers on endusers.enduser_id = planhat_endusers.enduser_id
    left join companies on endusers.company_id = companies.company_id
    where planhat_endusers.enduser_id is null

)

select * from final
