-- One row a call and model that it names an object of (an asset, a project …), with every
-- candidate key in order: property by property, in properties, then traits, then context.

{{ config(materialized='table', indexes=[{'columns': ['message_key']}]) }}

with events as (

    select * from {{ source('raw_segment', 'events') }}

),

mentions as (

    select
        events.message_key,
        mention.model,
        mention.object_keys
    from events
    cross join lateral (
        values
        {%- for model, properties in object_key_properties().items() %}
        {%- set paths = [] %}
        {%- for property in properties %}
        {%- for place in ['properties', 'traits', 'context'] %}
        {%- do paths.append(place ~ '.' ~ property) %}
        {%- endfor %}
        {%- endfor %}
        ('{{ model }}', {{ candidates('events.payload', paths) }}),
        {%- endfor %}
        -- an empty one at the end: no model at all is possible too
        ('', cast('{}' as text[]))
    ) as mention (model, object_keys)

),

final as (

    select * from mentions
    where object_keys <> '{}'

)

select * from final
