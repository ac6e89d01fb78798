-- One row a call in scope and model that it names an object of: the object within the call's company, or null
-- when that company has none with this external id (§3.1, §3.6).

{{ config(materialized='view') }}

with mentions as (

    select * from {{ ref('int_identity__mentions') }}
    where object_key is not null

),

resolutions as (

    select * from {{ ref('int_identity__call_resolutions') }}
    where
        reason is null
        or reason not in ('receipt', 'suppressed', 'unsupported_type', 'section_off')

),

objects as (

    select * from {{ ref('int_identity__objects') }}

),

final as (

    select
        resolutions.event_seq,
        resolutions.message_key,
        mentions.model,
        mentions.object_key,
        objects.object_id
    from resolutions
    inner join mentions on resolutions.mention = mentions.mention
    left join objects
        on
            mentions.model = objects.model
            and resolutions.company_id = objects.company_id
            and mentions.object_key = objects.external_id

)

select * from final
