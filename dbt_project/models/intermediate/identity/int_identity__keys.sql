-- One row a set of keys that calls are resolved by: their own, or with what an anonymous call borrows. A
-- group call is about its company alone (§3.8).

{{ config(indexes=[{'columns': ['keyset'], 'unique': true}, {'columns': ['user_id']}]) }}

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}

),

last_emails as (

    select * from {{ ref('int_identity__last_emails') }}

),

excluded as (

    select * from {{ ref('stg_settings__excluded') }}

),

borrowed_keysets as (

    select * from {{ ref('int_identity__borrowed_keysets') }}

),

unioned as (

    select
        keyset,
        false as is_borrowed,
        is_group,
        user_id as person_user_id,
        coalesce(email, property_email) as person_email,
        user_id is null and email is null and not is_group as is_anonymous,
        case when not is_group then user_id end as user_id,
        case when not is_group then coalesce(email, property_email) end as email,
        company_key,
        names_person,
        names_company,
        -- whom a call's properties know, it knows unless a link of its device knows better
        case when property_email is null then calls else deviceless_calls end as calls,
        case when property_email is null then first_place else first_deviceless_place end as first_place,
        case when property_email is null then last_place else last_deviceless_place end as last_place,
        last_telling_place,
        case when property_email is null then first_creating_place else first_creating_deviceless_place end
            as first_creating_place
    from own_keys
    union all
    select
        borrowed_keysets.keyset,
        true as is_borrowed,
        false as is_group,
        link.user_id as person_user_id,
        case when link.keyset is null then own.property_email else link.email end as person_email,
        false as is_anonymous,
        link.user_id,
        case when link.keyset is null then own.property_email else link.email end as email,
        coalesce(own.company_key, link.company_key) as company_key,
        true as names_person,
        own.names_company or coalesce(link.names_company, false) as names_company,
        borrowed_keysets.calls,
        borrowed_keysets.first_place,
        borrowed_keysets.last_place,
        -- what is borrowed says nothing new
        null as last_telling_place,
        borrowed_keysets.first_creating_place
    from borrowed_keysets
    inner join own_keys as own on borrowed_keysets.own_keyset = own.keyset
    left join own_keys as link on borrowed_keysets.link_keyset = link.keyset

),

addressed as (

    select
        unioned.*,
        coalesce(last_emails.email, {{ address_of('unioned.person_user_id') }}) as last_email
    from unioned
    left join last_emails on unioned.person_user_id = last_emails.user_id

),

-- one's own staff: by what a call says of them, or by the last that any call said
told as (

    select
        addressed.*,
        case
            when excluded.excluded_emails = '{}' and excluded.excluded_domains = '{}' then false
            else
                coalesce(
                    addressed.person_email = any(excluded.excluded_emails)
                    or {{ domain_of('addressed.person_email') }} = any(excluded.excluded_domains),
                    false
                )
                or coalesce(
                    addressed.last_email = any(excluded.excluded_emails)
                    or {{ domain_of('addressed.last_email') }} = any(excluded.excluded_domains),
                    false
                )
        end as is_excluded
    from addressed
    cross join excluded

),

final as (

    select
        keyset,
        is_borrowed,
        is_group,
        is_anonymous,
        is_excluded,
        user_id,
        email,
        company_key,
        names_person,
        names_company,
        calls,
        first_place,
        last_place,
        last_telling_place,
        case when is_excluded is not true then first_creating_place end as first_creating_place
    from told

)

select * from final
