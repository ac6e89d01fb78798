{#- What more companies have than so many (a free mail's domain, a consultant's address, the external id 1) says of none
    of them which other it is. -#}
{%- set companies_alike = 3 -%}
-- One row a company of Planhat that looks like another: one that was deleted and shares its name, an e-mail domain or
-- at least half of its endusers, or one that is there and shares its name and one of the others. Proposed to a person,
-- never joined (§3.3). A view: nobody builds from it, and looking at it reads the calls that name such a company alone.

{{ config(materialized='view') }}

with companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

aliases as (

    select * from {{ ref('stg_settings__company_aliases') }}

),

enduser_keys as (

    select * from {{ ref('int_identity__enduser_keys') }}
    where not is_former

),

endusers_by_email as (

    select * from {{ ref('int_identity__endusers_by_email') }}

),

endusers as (

    select
        company_id,
        count(*) as endusers
    from {{ ref('endusers') }}
    group by company_id

),

-- those that calls name by a key that leads nowhere else
looked_at as (

    select
        companies.company_id,
        companies.name,
        companies.external_id,
        companies.domains,
        companies.deleted_at,
        coalesce(endusers.endusers, 0) as endusers,
        companies.external_id is not null
        and case
            when companies.deleted_at is null then company_keys.company_id = companies.company_id
            else company_keys.company_id is null
        end
        and aliases.company_key is null as may_be_alias
    from companies
    left join endusers on companies.company_id = endusers.company_id
    left join company_keys on companies.external_id = company_keys.company_key
    left join aliases on companies.external_id = aliases.company_key

),

former_companies as (

    select * from {{ ref('stg_planhat__former_companies') }}

),

-- who each enduser is known by: one person, one row a way
people as (

    select
        company_id,
        'user_id' as kind,
        external_id as mark,
        enduser_id as person
    from enduser_keys
    union all
    select
        company_id,
        'email' as kind,
        email as mark,
        coalesce(enduser_id, email) as person
    from endusers_by_email
    union all
    -- whom Planhat moves when it merges two
    select
        company_id,
        'enduser' as kind,
        enduser_id as mark,
        enduser_id as person
    from former_companies
    union all
    select
        present_company_id as company_id,
        'enduser' as kind,
        enduser_id as mark,
        enduser_id as person
    from former_companies

),

marks as (

    select
        company_id,
        'name' as kind,
        {{ email_form("regexp_replace(name, '[[:space:]]+', ' ', 'g')") }} as mark,
        null as person
    from companies
    union all
    select
        companies.company_id,
        'domain' as kind,
        {{ email_form('domain.name') }} as mark,
        null as person
    from companies
    cross join lateral jsonb_array_elements_text(
        case when jsonb_typeof(companies.domains) = 'array' then companies.domains end
    ) as domain (name)
    union all
    select
        company_id,
        'domain' as kind,
        split_part(email, '@', 2) as mark,
        null as person
    from endusers_by_email
    union all
    select
        company_id,
        kind,
        mark,
        person
    from people

),

-- of most nobody else has any: those are not counted
shared_marks as (

    select
        kind,
        mark
    from marks
    where mark <> ''
    group by kind, mark
    having min(company_id) <> max(company_id)

),

telling as (

    select
        kind,
        mark,
        array_agg(distinct marks.company_id) as company_ids
    from shared_marks
    inner join marks using (kind, mark)
    group by kind, mark
    having count(distinct marks.company_id) <= {{ companies_alike }}

),

shared as (

    select
        marks.company_id,
        other.company_id as other_company_id,
        bool_or(marks.kind = 'name') as same_name,
        bool_or(marks.kind = 'domain') as same_domain,
        count(distinct marks.person) as shared_endusers
    from telling
    inner join marks on telling.kind = marks.kind and telling.mark = marks.mark
    cross join unnest(telling.company_ids) as other (company_id)
    where marks.company_id <> other.company_id
    group by marks.company_id, other.company_id

),

persons as (

    select
        company_id,
        count(distinct person) as persons
    from people
    group by company_id

),

alike as (

    select
        alias.external_id as alias,
        alias.company_id as alias_company_id,
        alias.name as alias_name,
        alias.deleted_at as alias_deleted_at,
        other.company_id,
        other.name as company_name,
        other.endusers,
        shared.same_name,
        shared.same_domain,
        shared.shared_endusers > 0 and shared.shared_endusers * 2 >= persons.persons as same_endusers,
        shared.shared_endusers
    from shared
    inner join looked_at as alias on shared.company_id = alias.company_id
    inner join looked_at as other on shared.other_company_id = other.company_id
    left join persons on alias.company_id = persons.company_id
    where
        alias.may_be_alias
        and other.deleted_at is null
        -- of two that are there, the one with fewer endusers
        and (
            alias.deleted_at is not null
            or (alias.endusers, other.company_id) < (other.endusers, alias.company_id)
        )

),

-- of several others one: whom most speaks for, then the one with most endusers
proposed as (

    select distinct on (alias) *
    from alike
    where
        (alias_deleted_at is not null and (same_name or same_domain or same_endusers))
        or (same_name and (same_domain or same_endusers))
    order by
        alias,
        same_name::integer + same_domain::integer + same_endusers::integer desc,
        shared_endusers desc,
        endusers desc,
        company_id,
        alias_company_id

),

final as (

    select
        proposed.alias,
        proposed.alias_company_id,
        proposed.alias_name,
        proposed.alias_deleted_at,
        proposed.company_id,
        proposed.company_name,
        proposed.same_name,
        proposed.same_domain,
        proposed.same_endusers,
        proposed.shared_endusers,
        -- a key that a company has outranks an alias
        proposed.alias_deleted_at is not null as takes_effect,
        moved.events,
        moved.endusers,
        moved.active_days,
        moved.last_event_at,
        moved.sample_message_id
    from proposed
    cross join lateral (
        select
            count(*) as events,
            count(distinct coalesce(resolutions.user_id, resolutions.email)) as endusers,
            count(distinct resolutions.event_date) as active_days,
            max(resolutions.event_at) as last_event_at,
            min(resolutions.message_id collate "C") as sample_message_id
        from {{ ref('int_identity__call_resolutions') }} as resolutions
        where
            resolutions.company_key = proposed.alias
            and resolutions.company_id is distinct from proposed.company_id
    ) as moved

)

select * from final
