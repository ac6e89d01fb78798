-- One row a pair of an anonymous call's own keyset and its link's, or no link's where its properties know the person:
-- what the calls with it amount to.

{{ config(
    materialized='journaled',
    unique_key=['keyset'],
    indexes=[{'columns': ['keyset'], 'unique': true}],
    meta={'marks_gone': true, 'inputs': var('call_inputs')}
) }}

{%- set mode = increment_mode() %}

with anonymous_calls as (

    select
        *,
        {{ place() }} as place
    from {{ ref('int_identity__anonymous_calls') }}
    where keyset <> own_keyset

),

touched as (

    select distinct keyset
    from {{ journal('int_identity__anonymous_calls') if mode == 'changes' else 'anonymous_calls' }} as moved
    where keyset <> own_keyset

),

final as (

    select
        touched.keyset,
        anonymous_calls.own_keyset,
        anonymous_calls.link_keyset,
        count(anonymous_calls.event_seq) as calls,
        min(anonymous_calls.place) as first_place,
        max(anonymous_calls.place) as last_place,
        min(anonymous_calls.place) filter (
            where case
                when anonymous_calls.link_event_seq is null then anonymous_calls.may_create_by_property_email
                else anonymous_calls.may_create
            end
        ) as first_creating_place,
        count(anonymous_calls.event_seq) = 0 as is_gone
    from touched
    left join anonymous_calls on touched.keyset = anonymous_calls.keyset
    -- it is the hash of the two
    group by touched.keyset, anonymous_calls.own_keyset, anonymous_calls.link_keyset

)

select * from final
