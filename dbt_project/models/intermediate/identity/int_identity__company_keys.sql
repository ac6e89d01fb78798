-- One row a key that calls name a company by, and the known company that it leads to: its own external id, else an
-- alias, else a key that it had (§3.3).

{{ config(indexes=[{'columns': ['company_key'], 'unique': true}]) }}

with companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

aliases as (

    select * from {{ ref('stg_settings__company_aliases') }}

),

former_keys as (

    select * from {{ ref('int_identity__former_keys') }}
    where model = 'company' and object_id is not null and not is_deleted

),

unioned as (

    select
        company_key,
        company_id,
        'external_id' as key_kind,
        1 as place
    from companies
    where company_key is not null
    union all
    select
        aliases.company_key,
        companies.company_id,
        'alias' as key_kind,
        2 as place
    from aliases
    inner join companies on aliases.company_id = companies.company_id
    where aliases.company_key is not null
    union all
    select
        external_id as company_key,
        object_id as company_id,
        'former' as key_kind,
        3 as place
    from former_keys

),

final as (

    select distinct on (company_key)
        company_key,
        company_id,
        key_kind
    from unioned
    order by company_key, place, company_id

)

select * from final
