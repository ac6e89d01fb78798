-- One row a call and model that it names an object of (an asset, a project …), with every
-- candidate key in order: property by property, in properties, then traits, then context.

{{ config(
    materialized='appended',
    inputs=['sync.object_keys'],
    indexes=[
        {'columns': ['event_seq', 'model'], 'unique': true},
        {'columns': ['mention']},
    ]
) }}

with events as (

    select * from {{ landed_calls() }} as landed

),

mentions as (

    select
        events.event_seq,
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

    select
        event_seq,
        model,
        object_keys,
        -- what is mentioned: the same in every call that names it so
        md5(row(model, object_keys)::text)::uuid as mention
    from mentions
    where object_keys <> '{}'

)

select * from final
