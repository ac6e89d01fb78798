-- One row a set of candidate keys that calls carry themselves: what those calls amount to. First and last are
-- places in the one order (macro place).

{{ config(
    materialized='journaled',
    unique_key=['keyset'],
    meta={
        'merges': {
            'is_group': 'bool_or',
            'calls': 'sum',
            'other_calls_than_alias': 'sum',
            'stating_calls': 'sum',
            'tracks': 'sum',
            'first_place': 'min',
            'last_place': 'max',
            'last_telling_place': 'max',
            'first_creating_place': 'min',
            'deviceless_calls': 'sum',
            'first_deviceless_place': 'min',
            'last_deviceless_place': 'max',
            'first_creating_deviceless_place': 'min',
        },
    }
) }}

with calls as (

    select
        keyset,
        type,
        is_in_scope,
        may_create,
        may_create_by_property_email,
        has_property_email and anonymous_id is null as knows_no_device,
        case when is_in_scope then {{ place() }} end as place
    from {{ new_or_all('int_identity__calls') }} as calls
    -- each rule is applied once, not once for each count
    {{ fence() }}

),

final as (

    select
        keyset,
        bool_or(type = 'group') as is_group,
        count(*) filter (where is_in_scope) as calls,
        count(*) filter (where is_in_scope and type <> 'alias') as other_calls_than_alias,
        count(*) filter (where is_in_scope and type in ('identify', 'group')) as stating_calls,
        count(*) filter (where is_in_scope and type = 'track') as tracks,
        min(place) as first_place,
        max(place) as last_place,
        max(place) filter (where type <> 'alias') as last_telling_place,
        min(place) filter (where may_create) as first_creating_place,
        -- what the others say depends on their anonymous ids
        count(place) filter (where knows_no_device) as deviceless_calls,
        min(place) filter (where knows_no_device) as first_deviceless_place,
        max(place) filter (where knows_no_device) as last_deviceless_place,
        min(place) filter (where knows_no_device and may_create_by_property_email) as first_creating_deviceless_place
    from calls
    group by keyset

)

select * from final
