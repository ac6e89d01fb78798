-- One row a set of candidate keys that calls carry themselves: what those calls amount to. First and last are
-- places in the one order (macro place).

{{ config(
    materialized='journaled',
    unique_key=['keyset'],
    indexes=[{'columns': ['keyset'], 'unique': true}],
    meta={'inputs': var('call_inputs')}
) }}

{%- set mode = increment_mode() %}

with calls as (

    select
        keyset,
        type,
        is_in_scope,
        may_create,
        may_create_by_property_email,
        has_property_email and anonymous_id is null as knows_no_device,
        case when is_in_scope then {{ place() }} end as place
    from {{ new_or_all('int_identity__calls', mode) }} as calls
    -- each rule is applied once, not once for each count
    {{ fence() }}

),

counted as (

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

),

final as (

    select
        counted.keyset,
        counted.is_group,
        {%- if mode == 'changes' %}
        counted.calls + coalesce(earlier.calls, 0) as calls,
        counted.other_calls_than_alias + coalesce(earlier.other_calls_than_alias, 0)
            as other_calls_than_alias,
        counted.stating_calls + coalesce(earlier.stating_calls, 0) as stating_calls,
        counted.tracks + coalesce(earlier.tracks, 0) as tracks,
        least(counted.first_place, earlier.first_place) as first_place,
        greatest(counted.last_place, earlier.last_place) as last_place,
        greatest(counted.last_telling_place, earlier.last_telling_place) as last_telling_place,
        least(counted.first_creating_place, earlier.first_creating_place) as first_creating_place,
        counted.deviceless_calls + coalesce(earlier.deviceless_calls, 0) as deviceless_calls,
        least(counted.first_deviceless_place, earlier.first_deviceless_place) as first_deviceless_place,
        greatest(counted.last_deviceless_place, earlier.last_deviceless_place) as last_deviceless_place,
        least(counted.first_creating_deviceless_place, earlier.first_creating_deviceless_place)
            as first_creating_deviceless_place
        {%- else %}
        counted.calls,
        counted.other_calls_than_alias,
        counted.stating_calls,
        counted.tracks,
        counted.first_place,
        counted.last_place,
        counted.last_telling_place,
        counted.first_creating_place,
        counted.deviceless_calls,
        counted.first_deviceless_place,
        counted.last_deviceless_place,
        counted.first_creating_deviceless_place
        {%- endif %}
    from counted
    {%- if mode == 'changes' %}
    left join {{ this }} as earlier on counted.keyset = earlier.keyset
    {%- endif %}

)

select * from final
