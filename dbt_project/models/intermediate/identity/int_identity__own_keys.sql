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

unblocked as (

    select
        own_keysets.keyset,
        own_keysets.is_group,
        {{ first_unblocked('keysets.user_ids', blocked_of('user_id', 'blocked')) }} as user_id,
        {{ first_unblocked('keysets.emails', blocked_of('email', 'blocked')) }} as email,
        {{ first_unblocked('keysets.property_emails', blocked_of('email', 'blocked')) }} as property_email,
        {{ first_unblocked('keysets.company_keys', blocked_of('company', 'blocked')) }} as company_key,
        keysets.user_ids <> '{}' or keysets.emails <> '{}' or keysets.property_emails <> '{}' as names_person,
        keysets.company_keys <> '{}' as names_company,
        own_keysets.calls,
        own_keysets.other_calls_than_alias,
        own_keysets.stating_calls,
        own_keysets.tracks,
        own_keysets.first_place,
        own_keysets.last_place,
        own_keysets.last_telling_place,
        own_keysets.first_creating_place,
        own_keysets.deviceless_calls,
        own_keysets.first_deviceless_place,
        own_keysets.last_deviceless_place,
        own_keysets.first_creating_deviceless_place
    from own_keysets
    inner join keysets on own_keysets.keyset = keysets.keyset
    cross join blocked
    -- each key is looked for once
    {{ fence() }}

),

final as (

    select
        keyset,
        is_group,
        user_id,
        email,
        -- beside another way to know a person it may be somebody else's
        case when user_id is null and email is null then property_email end as property_email,
        company_key,
        names_person,
        names_company,
        calls,
        other_calls_than_alias,
        stating_calls,
        tracks,
        first_place,
        last_place,
        last_telling_place,
        first_creating_place,
        deviceless_calls,
        first_deviceless_place,
        last_deviceless_place,
        first_creating_deviceless_place
    from unblocked

)

select * from final
