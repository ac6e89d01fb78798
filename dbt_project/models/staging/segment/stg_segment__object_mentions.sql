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
{%- set places = ['properties', 'traits', 'context'] %}
{#- every path at which an object's key is looked for, and in which column its text is -#}
{%- set column_of = {} %}
{%- set names = [''] %}
{%- for property in models.values() | sum(start=[]) %}
{%- do names.append(property.split('.')[0].replace("'", "''")) -%}
{%- for place in places if place ~ '.' ~ property not in column_of %}
{%- do column_of.update({place ~ '.' ~ property: 'text_' ~ (column_of | length + 1)}) %}
{%- endfor %}
{%- endfor %}
{%- set names = "array['" ~ names | join("', '") ~ "']" %}

with calls as (

    select * from {{ opened(landed_calls()) }} as opened
    -- most calls name no object: one look tells
    where properties ?| {{ names }} or traits ?| {{ names }} or context ?| {{ names }}

),

-- each text is taken out of the payload once, not once for each time that it is named
texts as (

    select
        {%- for path, column in column_of.items() %}
        {{ key_text(path) }} as {{ column }},
        {%- endfor %}
        event_seq
    from calls
    {{ fence() }}

),

mentions as (

    select
        texts.event_seq,
        mention.model,
        mention.object_keys
    from texts
    cross join lateral (
        values
        {%- for model, properties in models.items() %}
        {%- set paths = [] %}
        {%- for property in properties %}
        {%- for place in places %}{% do paths.append(place ~ '.' ~ property) %}{% endfor %}
        {%- endfor %}
        ('{{ model }}', {{ candidates(texts_at(paths, column_of)) }}),
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
