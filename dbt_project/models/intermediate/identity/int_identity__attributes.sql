-- One row an identify call in scope and attribute that it carries, null included, with the keyset and place of the
-- call: whose attributes they are is decided later (§3.5), and no call is read again for it.

{{ config(
    materialized='appended',
    indexes=[
        {'columns': ['event_seq', 'attribute'], 'unique': true},
        {'columns': ['keyset', 'event_date']},
    ]
) }}

with calls as (

    select * from {{ new_or_all('int_identity__calls') }} as calls
    where type = 'identify' and is_in_scope

),

identify_traits as not materialized (

    select * from {{ ref('stg_segment__identify_traits') }}

),

final as (

    select
        calls.event_seq,
        identify_traits.attribute,
        identify_traits.value,
        calls.keyset,
        calls.event_date,
        {{ place('calls.event_at', 'calls.message_id') }} as place
    from calls
    inner join identify_traits on calls.event_seq = identify_traits.event_seq

)

select * from final
