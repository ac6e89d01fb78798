-- One row an enduser created from Segment calls (§3.5) that Planhat does not have yet. A contract: see
-- to_planhat__enduser.yml. `withheld` says why one must not be sent as it is.

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
    where deleted_at is null

),

former_keys as (

    select * from {{ ref('stg_planhat__former_keys') }}
    where model = 'enduser'

),

former_companies as (

    select * from {{ ref('stg_planhat__former_companies') }}

),

-- an external id that somebody had in a company, and has there no more
left_behind as (

    select
        company_id,
        external_id
    from former_keys
    union
    select
        former_companies.company_id,
        planhat_endusers.external_id
    from former_companies
    inner join planhat_endusers on former_companies.enduser_id = planhat_endusers.enduser_id
    where planhat_endusers.external_id is not null

),

created as (

    select
        endusers.*,
        companies.external_id as company_external_id,
        count(*) over (partition by endusers.company_id, endusers.email) as of_its_address
    from endusers
    inner join companies on endusers.company_id = companies.company_id
    left join planhat_endusers on endusers.enduser_id = planhat_endusers.enduser_id
    where planhat_endusers.enduser_id is null

),

final as (

    select
        -- keys
        created.enduser_id as object_id,
        created.company_id,
        created.company_external_id,
        created.external_id,
        created.email,

        -- what it says; Planhat makes its name of the two
        coalesce(created.first_name, split_part(created.name, ' ', 1)) as first_name,
        coalesce(
            created.last_name,
            case when created.first_name is null then nullif(regexp_replace(created.name, '^\S+\s*', ''), '') end
        ) as last_name,
        created.position,
        created.phone,

        -- why it must not go
        case
            when created.email is null then 'no_address'
            when left_behind.external_id is not null then 'former_external_id'
            when
                exists (
                    select 1 from planhat_endusers
                    where planhat_endusers.company_id = created.company_id and planhat_endusers.email = created.email
                )
                then 'address_in_planhat'
            when created.of_its_address > 1 then 'shared_address'
        end as withheld
    from created
    left join left_behind
        on created.company_id = left_behind.company_id and created.external_id = left_behind.external_id

)

select * from final
