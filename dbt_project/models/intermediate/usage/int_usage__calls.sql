-- One row a call that counts by its name (§3.7), with its weight: resolved to an enduser, or at least to a
-- company: then it is unattributed.

{{ config(indexes=[{'columns': ['message_key'], 'unique': true}]) }}

with resolutions as (

    select * from {{ ref('event_resolution') }}
    where type in ('track', 'page', 'screen') and company_id is not null

),

usage_events as (

    select * from {{ ref('stg_settings__usage_events') }}

),

final as (

    select
        resolutions.message_key,
        resolutions.message_id,
        resolutions.event_at,
        resolutions.event_date,
        resolutions.event,
        resolutions.company_id,
        resolutions.enduser_id,
        -- its company is known, whose it is is not
        resolutions.reason is not null as is_unattributed,
        coalesce(usage_events.weight, 1) as weight
    from resolutions
    left join usage_events
        on resolutions.type = usage_events.type and resolutions.event = usage_events.event
    where coalesce(usage_events.counted, resolutions.type = 'track')

)

select * from final
