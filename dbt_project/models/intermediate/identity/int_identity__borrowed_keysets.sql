-- One row a pair of an anonymous call's own keyset and its link's, or no link's where its properties know the person:
-- what the calls with it amount to.

{{ config(
    materialized='journaled',
    unique_key=['keyset'],
    meta={'touched_by': {'int_identity__anonymous_calls': ['keyset']}}
) }}

with anonymous_calls as (

    select
        *,
        {{ place() }} as place
    from {{ ref('int_identity__anonymous_calls') }}
    where keyset <> own_keyset

),

final as (

    select
        keyset,
        own_keyset,
        link_keyset,
        count(*) as calls,
        min(place) as first_place,
        max(place) as last_place,
        min(place) filter (
            where case when link_event_seq is null then may_create_by_property_email else may_create end
        ) as first_creating_place
    from anonymous_calls
    -- it is the hash of the two
    group by keyset, own_keyset, link_keyset

)

select * from final
