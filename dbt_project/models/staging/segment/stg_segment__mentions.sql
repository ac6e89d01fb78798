-- One row a mention and model: every candidate for the object of that model in the calls that have the mention, in
-- order.

{{ config(
    materialized='appended',
    indexes=[{'columns': ['mention', 'model'], 'unique': true}]
) }}

{%- set paths = object_paths() %}
{%- set column_of = text_columns(paths.values() | list) %}

with calls as (

    select * from {{ opened(examples('mention')) }} as opened

),

texts as (

    select
        {{- texts_of(column_of) }}{{ "," if column_of }}
        mention
    from calls
    {{ fence() }}

),

named as (

    select
        texts.mention,
        object.model,
        object.object_keys
    from texts
    cross join lateral (
        values
        {%- for model, list in paths.items() %}
        ('{{ model }}', {{ candidates(texts_at(list, column_of)) }}),
        {%- endfor %}
        -- an empty one at the end: no model at all is possible too
        ('', cast('{}' as text[]))
    ) as object (model, object_keys)

),

final as (

    select * from named
    where object_keys <> '{}'

)

select * from final
