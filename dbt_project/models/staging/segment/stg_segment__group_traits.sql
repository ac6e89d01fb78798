-- One row a trait of a group call, whatever it is: which of them are metrics is decided later, so that a
-- metric declared today has all of its history.

{{ config(
    materialized='appended',
    indexes=[{'columns': ['event_seq', 'trait'], 'unique': true}],
    meta={'more_indexes': ["(trait) where value is null"]}
) }}

with events as (

    select * from {{ landed_calls() }} as landed
    where type = 'group' and jsonb_typeof(payload -> 'traits') = 'object'

),

final as (

    select
        events.event_seq,
        trait.name as trait,
        jsonb_typeof(trait.value) as value_type,
        case
            when
                jsonb_typeof(trait.value) = 'number'
                and octet_length(trait.value #>> '{}') <= {{ var('longest_number') }}
                then (trait.value #>> '{}')::numeric
        end as value,
        -- enough to recognise the value by, never a whole document
        left(trait.value #>> '{}', 100) as value_text
    from events
    cross join lateral jsonb_each(events.payload -> 'traits') as trait (name, value)
    where length(trait.name) <= {{ var('longest_key') }}

)

select * from final
