-- One row a call in scope and model that it names an object of: the object within the call's company, or null
-- when that company has none with this external id (§3.1, §3.6).

{{ config(materialized='view') }}

with object_mentions as (

    select * from {{ ref('stg_segment__object_mentions') }}

),

mentions as (

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
        object_mentions.event_seq,
        resolutions.message_key,
        object_mentions.model,
        mentions.object_key,
        objects.object_id
    from object_mentions
    inner join mentions on object_mentions.mention = mentions.mention
    inner join resolutions on object_mentions.event_seq = resolutions.event_seq
    left join objects
        on
            object_mentions.model = objects.model
            and resolutions.company_id = objects.company_id
            and mentions.object_key = objects.external_id

)

select * from final
