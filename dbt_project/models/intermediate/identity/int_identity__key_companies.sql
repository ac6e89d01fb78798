-- One row a user id or e-mail and company that it is known in (§3.3): by Planhat's endusers, those deleted there
-- only where there is no other; where Planhat has none, by the calls that state it; where none does, by the tracks
-- that name both. Only a call's own keys count, never borrowed ones.

{{ config(indexes=[{'columns': ['kind', 'key']}]) }}

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where stating_calls > 0 or tracks > 0

),

companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where is_made_by_us is not true

),

enduser_keys as (

    select * from {{ ref('int_identity__enduser_keys') }}

),

in_planhat as (

    select
        'user_id' as kind,
        external_id as key,
        company_id,
        is_deleted
    from enduser_keys
    union all
    select
        'email' as kind,
        email as key,
        company_id,
        deleted_at is not null as is_deleted
    from endusers
    where email is not null

),

from_planhat as (

    select
        in_planhat.kind,
        in_planhat.key,
        companies.company_id,
        case when in_planhat.is_deleted then 'planhat_deleted' else 'planhat' end as known_by,
        case when in_planhat.is_deleted then 2 else 1 end as tier
    from in_planhat
    inner join companies on in_planhat.company_id = companies.company_id

),

from_calls as (

    select
        key.kind,
        key.value as key,
        company_keys.company_id,
        case when own_keys.stating_calls > 0 then 'stated' else 'track' end as known_by,
        case when own_keys.stating_calls > 0 then 3 else 4 end as tier
    from own_keys
    inner join company_keys on own_keys.company_key = company_keys.company_key
    cross join lateral (
        -- the address beside a group call says where nobody is
        values ('user_id', own_keys.user_id), ('email', case when not own_keys.is_group then own_keys.email end)
    ) as key (kind, value)
    where key.value is not null

),

unioned as (

    select * from from_planhat
    union all
    select * from from_calls

),

-- of each key the first tier that has a company
ranked as (

    select
        *,
        min(tier) over (partition by kind, key) as first_tier
    from unioned

),

final as (

    select distinct
        kind,
        key,
        company_id,
        known_by
    from ranked
    where tier = first_tier

)

select * from final
