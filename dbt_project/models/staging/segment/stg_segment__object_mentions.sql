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

{%- set models = object_key_properties() %}
{%- set names = [''] %}
{%- for properties in models.values() %}
{%- for property in properties %}{%- do names.append(property.split('.')[0].replace("'", "''")) -%}{%- endfor %}
{%- endfor %}
{%- set names = "array['" ~ names | join("', '") ~ "']" %}

with calls as (

    select * from {{ opened(landed_calls()) }} as opened
    -- most calls name no object: one look tells
    where properties ?| {{ names }} or traits ?| {{ names }} or context ?| {{ names }}

),

mentions as (

    select
        calls.event_seq,
        mention.model,
        mention.object_keys
    from calls
    cross join lateral (
        values
        {%- for model, properties in models.items() %}
        {%- set paths = [] %}
        {%- for property in properties %}
        {%- for place in ['properties', 'traits', 'context'] %}
        {%- do paths.append(place ~ '.' ~ property) %}
        {%- endfor %}
        {%- endfor %}
        ('{{ model }}', {{ candidates(paths) }}),
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
