-- One row a set of candidate keys that calls carry themselves: the keys that they are after blocking (§3.1).

{{ config(indexes=[{'columns': ['keyset'], 'unique': true}, {'columns': ['user_id']}]) }}

with keysets as (

    select * from {{ ref('int_identity__own_keysets') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

final as (

    select
        keysets.keyset,
        keysets.is_group,
        {{ first_unblocked('keysets.user_ids', 'blocked.blocked_values') }} as user_id,
        {{ first_unblocked('keysets.emails', 'blocked.blocked_emails') }} as email,
        {{ first_unblocked('keysets.company_keys', 'blocked.blocked_values') }} as company_key,
        keysets.user_ids <> '{}' or keysets.emails <> '{}' as names_person,
        keysets.company_keys <> '{}' as names_company,
        keysets.calls,
        keysets.other_calls_than_alias,
        keysets.naming_calls,
        keysets.first_place,
        keysets.last_place,
        keysets.first_creating_place
    from keysets
    cross join blocked

)

select * from final
