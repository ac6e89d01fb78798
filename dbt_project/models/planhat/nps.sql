-- One row a NPS in Planhat, as it is pushed to Segment. A contract: see nps.yml.

with nps as (

    select * from {{ ref('stg_planhat__nps') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}

),

final as (

    select
        -- keys
        nps.nps_id as object_id,
        nps.nps_id as planhat_id,
        null::text as external_id,
        nps.company_id,
        companies.external_id as company_external_id,
        nps.enduser_id,
        endusers.external_id as enduser_external_id,
        nps.email,

        -- what it says
        nps.campaign_id,
        nps.score,
        nps.comment,
        nps.source_id,
        nps.survey_sent_at,
        nps.survey_answered_at
    from nps
    left join companies on nps.company_id = companies.company_id
    left join endusers on nps.enduser_id = endusers.enduser_id

)

select * from final
