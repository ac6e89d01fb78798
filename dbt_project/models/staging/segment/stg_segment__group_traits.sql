-- One row a trait of a group call that is a number, or that carries a declared metric's name and
-- is none. Which numbers are metrics is decided later.

{{ config(materialized='table', indexes=[{'columns': ['message_key']}]) }}

with events as (

    select * from {{ source('raw_segment', 'events') }}
    where type = 'group' and jsonb_typeof(payload -> 'traits') = 'object'

),

declared as (

    select * from {{ source('sync', 'company_metrics') }}

),

final as (

    select
        events.message_key,
        events.message_id,
        trait.name as trait,
        jsonb_typeof(trait.value) as value_type,
        case when jsonb_typeof(trait.value) = 'number' then (trait.value #>> '{}')::numeric end
            as value,
        -- enough to recognise the value by, never a whole document
        left(trait.value #>> '{}', 100) as value_text
    from events
    cross join lateral jsonb_each(events.payload -> 'traits') as trait (name, value)
    where
        length(trait.name) <= {{ var('longest_key') }}
        and (
            jsonb_typeof(trait.value) = 'number'
            or trait.name in (select declared.metric from declared)
        )

)

select * from final
