with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'nps'

),

final as (

    select
        planhat_id as nps_id,
        {{ planhat_id('cId') }} as company_id,
        {{ planhat_email('email') }} as email,
        {{ planhat_text('euId') }} as enduser_id,
        {{ planhat_text('campaignId') }} as campaign_id,
        {{ planhat_numeric('score') }} as score,
        {{ planhat_text('comment') }} as comment,
        {{ planhat_text('sourceId') }} as source_id,
        {{ planhat_timestamptz('dateSent') }} as survey_sent_at,
        {{ planhat_timestamptz('dateAnswered') }} as survey_answered_at,
        changed_at,
        deleted_at
    from objects

)

select * from final
