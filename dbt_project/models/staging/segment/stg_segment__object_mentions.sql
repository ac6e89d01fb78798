-- One row a call and model that it names an object of (an asset, a project …), with every
-- candidate key in order: property by property, in properties, then traits, then context.

{{ config(materialized='table', indexes=[{'columns': ['message_key']}]) }}

with events as (

    select * from {{ source('raw_segment', 'events') }}

),

{%- for model, properties in object_key_properties().items() %}
{%- set paths = [] %}
{%- for property in properties %}
{%- for place in ['properties', 'traits', 'context'] %}
{%- do paths.append(place ~ '.' ~ property) %}
{%- endfor %}
{%- endfor %}

{{ model }}_mentions as (

    select
        message_key,
        '{{ model }}'::text as model,
        {{ candidates('payload', paths) }} as object_keys
    from events

),
{%- endfor %}

unioned as (

    select null::uuid as message_key, null::text as model, null::text [] as object_keys
    where false
    {%- for model in object_key_properties() %}
    union all
    select * from {{ model }}_mentions
    {%- endfor %}

),

final as (

    select * from unioned
    where object_keys <> '{}'

)

select * from final
