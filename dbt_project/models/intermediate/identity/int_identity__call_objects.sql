-- One row a call and model that it names an object of: the object within the call's company, or null
-- when that company has none with this external id (§3.1, §3.6).

{{ config(indexes=[{'columns': ['message_key', 'model'], 'unique': true}]) }}

with mentions as (

    select * from {{ ref('stg_segment__object_mentions') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

calls_linked as (

    select * from {{ ref('int_identity__calls_linked') }}

),

keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}

),

objects as (

    select distinct on (model, company_id, external_id)
        model,
        company_id,
        external_id,
        object_id
    from {{ ref('stg_planhat__objects') }}
    where deleted_at is null and external_id is not null
    order by model, company_id, external_id, object_id

),

keyed as (

    select
        mentions.message_key,
        mentions.model,
        {{ first_unblocked('mentions.object_keys', 'blocked.blocked_values') }} as object_key
    from mentions
    cross join blocked

),

final as (

    select
        keyed.message_key,
        keyed.model,
        keyed.object_key,
        objects.object_id
    from keyed
    inner join calls_linked on keyed.message_key = calls_linked.message_key
    left join keyset_companies on calls_linked.keyset = keyset_companies.keyset
    left join objects
        on
            keyed.model = objects.model
            and keyset_companies.company_id = objects.company_id
            and keyed.object_key = objects.external_id
    where keyed.object_key is not null

)

select * from final
