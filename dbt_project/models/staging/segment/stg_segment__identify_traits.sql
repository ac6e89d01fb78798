-- One row an identify call and attribute that it carries, null included: an explicit null clears. Looked for where
-- keys are: in traits, then in context.traits, in both spellings. Of e-mails, which are keys, only what clears.

{{ config(
    materialized='appended',
    indexes=[{'columns': ['event_seq', 'attribute'], 'unique': true}]
) }}

{%- set attributes = {
    'name': ['name'],
    'first_name': ['firstName', 'first_name'],
    'last_name': ['lastName', 'last_name'],
    'phone': ['phone'],
    'position': ['position', 'title'],
    'email': ['email'],
} %}

with events as (

    select * from {{ landed_calls() }} as landed
    where type = 'identify'

),

places as (

    select
        events.event_seq,
        place.number,
        place.traits
    from events
    cross join lateral (
        values (1, events.payload -> 'traits'), (2, events.payload #> '{context,traits}')
    ) as place (number, traits)
    where jsonb_typeof(place.traits) = 'object'

),

named as (

    select
        places.event_seq,
        known.attribute,
        places.number,
        known.place,
        places.traits -> known.trait as value
    from places
    inner join (
        values
        {%- for attribute, traits in attributes.items() %}{% set outer = loop %}
        {%- for trait in traits %}
        ('{{ attribute }}', '{{ trait }}', {{ loop.index }}){{ "," if not (outer.last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    ) as known (attribute, trait, place) on places.traits ? known.trait

),

carried as (

    select distinct on (event_seq, attribute)
        event_seq,
        attribute,
        case when jsonb_typeof(value) in ('string', 'number') then value #>> '{}' end as value
    from named
    where jsonb_typeof(value) in ('string', 'number', 'null')
    order by event_seq, attribute, number, place

),

final as (

    select * from carried
    where attribute <> 'email' or value is null

)

select * from final
