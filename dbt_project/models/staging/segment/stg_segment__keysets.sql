-- One row a keyset: every candidate of the calls that have it, in order.

{{ config(
    materialized='appended',
    indexes=[{'columns': ['keyset'], 'unique': true}]
) }}

{%- set paths, group_paths = candidate_paths(is_group=false), candidate_paths(is_group=true) %}
{%- set column_of = text_columns((paths.values() | list) + (group_paths.values() | list)) %}

with calls as (

    select * from {{ opened(examples('keyset')) }} as opened

),

texts as (

    select
        keyset,
        type = 'group' as is_group,
        {{- texts_of(column_of) }}
    from calls
    {{ fence() }}

),

final as (

    select
        keyset,
        {%- for name in paths %}
        {%- set is_email = name in ['emails', 'property_emails'] %}
        case
            when is_group then {{ candidates(texts_at(group_paths[name], column_of), is_email=is_email) }}
            else {{ candidates(texts_at(paths[name], column_of), is_email=is_email) }}
        end as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from texts

)

select * from final
