{#- How much more than others an id has that stands for nobody: of heavy users the busiest has two or three times as
    many devices as the next. -#}
{%- set times_as_many = 5 -%}
-- One row an id that so many more devices, users or companies share than share any other that it may stand for nobody,
-- like `guest`, and is not blocked (§3.1): what others have is what the fourth most shared one has, and one in a
-- hundred more. A view: ids are few beside calls.

{{ config(materialized='view') }}

with devices as (

    select * from {{ ref('int_quality__devices') }}

),

own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where user_id is not null or email is not null

),

key_companies as (

    select * from {{ ref('int_identity__key_companies') }}
    where kind = 'user_id'

),

thresholds as (

    select * from {{ ref('stg_settings__thresholds') }}

),

pairs as (

    select
        own_keys.user_id,
        own_keys.email,
        devices.anonymous_id
    from devices
    inner join own_keys on devices.keyset = own_keys.keyset
    group by own_keys.user_id, own_keys.email, devices.anonymous_id

),

counted as (

    select
        'user_id' as kind,
        user_id as id,
        'devices' as shared_by,
        -- most have one pair, of which nothing needs to be told apart
        case when count(*) = 1 then 1 else count(distinct anonymous_id) end as times
    from pairs
    where user_id is not null
    group by user_id
    union all
    select
        'email' as kind,
        email as id,
        'devices' as shared_by,
        count(distinct anonymous_id) as times
    from pairs
    where email is not null
    group by email
    union all
    select
        'anonymous_id' as kind,
        anonymous_id as id,
        'users' as shared_by,
        count(distinct coalesce(user_id, email)) as times
    from pairs
    group by anonymous_id
    union all
    select
        'user_id' as kind,
        key as id,
        'companies' as shared_by,
        count(*) as times
    from key_companies
    group by key

),

usual as (

    select
        kind,
        shared_by,
        coalesce((array_agg(times order by times desc))[4 + count(*) / 100], 0) as times
    from counted
    group by kind, shared_by

),

final as (

    select
        counted.kind,
        counted.id,
        counted.shared_by,
        counted.times,
        usual.times as usual_times
    from counted
    inner join usual on counted.kind = usual.kind and counted.shared_by = usual.shared_by
    cross join thresholds
    where
        counted.times >= case counted.shared_by
            when 'companies' then thresholds.odd_id_companies
            else thresholds.odd_id_devices
        end
        and counted.times >= {{ times_as_many }} * usual.times

)

select * from final
