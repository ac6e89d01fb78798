-- One row a set of candidate keys that calls carry themselves: the keys that they are after blocking (§3.1).

{{ config(indexes=[{'columns': ['keyset'], 'unique': true}, {'columns': ['user_id']}]) }}

with own_keysets as (

    select * from {{ ref('int_identity__own_keysets') }}

),

keysets as (

    select * from {{ ref('stg_segment__keysets') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

final as (

    select
        own_keysets.keyset,
        own_keysets.is_group,
        {{ first_unblocked('keysets.user_ids', 'blocked.blocked_values') }} as user_id,
        {{ first_unblocked('keysets.emails', 'blocked.blocked_emails') }} as email,
        {{ first_unblocked('keysets.company_keys', 'blocked.blocked_values') }} as company_key,
        keysets.user_ids <> '{}' or keysets.emails <> '{}' as names_person,
        keysets.company_keys <> '{}' as names_company,
        own_keysets.calls,
        own_keysets.other_calls_than_alias,
        own_keysets.stating_calls,
        own_keysets.tracks,
        own_keysets.first_place,
        own_keysets.last_place,
        own_keysets.last_telling_place,
        own_keysets.first_creating_place
    from own_keysets
    inner join keysets on own_keysets.keyset = keysets.keyset
    cross join blocked

)

select * from final
