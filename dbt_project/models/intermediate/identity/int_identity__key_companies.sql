-- One row a user id or e-mail and company that it is known in (§3.3): by an enduser in Planhat, or by
-- an identify or track call that names both. Only a call's own keys count, never borrowed ones.

{{ config(indexes=[{'columns': ['kind', 'key']}]) }}

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where naming_calls > 0

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}

),

from_planhat as (

    select
        key.kind,
        key.value as key,
        companies.company_id
    from endusers
    inner join companies on endusers.company_id = companies.company_id
    cross join lateral (
        values ('user_id', endusers.external_id), ('email', endusers.email)
    ) as key (kind, value)
    where key.value is not null

),

from_calls as (

    select
        key.kind,
        key.value as key,
        companies.company_id
    from own_keys
    inner join companies on own_keys.company_key = companies.company_key
    cross join lateral (
        values ('user_id', own_keys.user_id), ('email', own_keys.email)
    ) as key (kind, value)
    where key.value is not null

),

final as (

    select * from from_planhat
    union
    select * from from_calls

)

select * from final
