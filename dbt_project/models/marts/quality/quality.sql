-- One row a thing in the customer's data that we had to work around, with how often and one example. None of
-- them stops a build or a push.

with companies as (

    select * from {{ ref('stg_planhat__companies') }}
    where deleted_at is null

),

-- no more than what is asked: each column of Planhat's is read out of its payload
endusers as (

    select
        enduser_id,
        company_id,
        external_id
    from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null

),

known_companies as (

    select * from {{ ref('int_identity__known_companies') }}

),

quarantine as (

    select * from {{ ref('stg_segment__quarantine') }}

),

rejects as (

    select * from {{ ref('stg_planhat__rejects') }}

),

metric_rejections as (

    select * from {{ ref('metric_rejections') }}

),

time_problems as (

    select
        'time_' || problem as finding,
        source,
        library,
        shape,
        calls,
        sample_message_id,
        row_number() over (partition by source, problem order by calls desc, library, shape) as place
    from {{ ref('int_quality__time_problems') }}

),

former_keys as (

    select * from {{ ref('int_identity__former_keys') }}

),

aliases as (

    select * from {{ ref('stg_settings__company_aliases') }}

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

own_keys as (

    select
        company_key,
        user_id
    from {{ ref('int_identity__own_keys') }}
    where calls > 0

),

former_object_keys as (

    select * from {{ ref('int_identity__former_keys') }}
    where model not in ('company', 'enduser') and object_id is not null and not is_deleted

),

enduser_keys as (

    select * from {{ ref('int_identity__enduser_keys') }}
    where is_former

),

users as (

    select * from {{ ref('int_identity__users') }}

),

objects as (

    select * from {{ ref('int_identity__objects') }}

),

mentions as (

    select * from {{ ref('int_identity__mentions') }}

),

former_companies as (

    select * from {{ ref('stg_planhat__former_companies') }}

),

unknown_companies as (

    select * from {{ ref('unknown_companies') }}

),

spellings as (

    select * from {{ ref('int_quality__spellings') }}

),

shared_addresses as (

    select * from {{ ref('int_quality__shared_addresses') }}

),

odd_ids as (

    select * from {{ ref('int_quality__odd_ids') }}

),

-- of these the one with most is the example
weighed as (

    select
        kind || '_spelt_in_several_ways' as finding,
        example,
        spellings as amount
    from spellings
    union all
    select
        'email_' || kind || '_of_many_companies' as finding,
        case kind when 'domain' then address else example end as example,
        companies as amount
    from shared_addresses
    union all
    select
        kind || '_like_a_placeholder' as finding,
        id as example,
        max(times) as amount
    from odd_ids
    group by kind, id
    union all
    -- they found their company in another way: nobody else tells that Planhat lacks this one
    select
        'unknown_company_of_known_users' as finding,
        company_key as example,
        events_found as amount
    from unknown_companies
    where events_found > 0

),

findings as (

    select
        'company_external_id_used_twice' as finding,
        company_id as example
    from known_companies
    inner join companies using (company_id)
    where known_companies.company_key is null and companies.external_id is not null
    union all
    select
        'company_without_external_id' as finding,
        company_id as example
    from companies
    where external_id is null
    union all
    select
        'enduser_external_id_used_twice' as finding,
        min(enduser_id) as example
    from endusers
    where external_id is not null
    group by company_id, external_id
    having count(*) > 1
    union all
    select
        'enduser_of_unknown_company' as finding,
        endusers.enduser_id as example
    from endusers
    left join known_companies on endusers.company_id = known_companies.company_id
    where known_companies.company_id is null
    union all
    select
        'former_key_of_several' as finding,
        external_id as example
    from former_keys
    where object_id is null
    union all
    select
        'former_company_key_in_use' as finding,
        company_keys.company_key as example
    from company_keys
    inner join own_keys on company_keys.company_key = own_keys.company_key
    where company_keys.key_kind = 'former'
    group by company_keys.company_key
    union all
    select
        'former_enduser_key_in_use' as finding,
        users.enduser_id as example
    from users
    inner join enduser_keys
        on users.company_id = enduser_keys.company_id and users.user_id = enduser_keys.external_id
    where users.enduser_id = enduser_keys.enduser_id
    group by users.enduser_id
    union all
    select
        'former_object_key_in_use' as finding,
        objects.object_id as example
    from former_object_keys
    inner join objects using (model, company_id, external_id, object_id)
    inner join mentions on objects.model = mentions.model and objects.external_id = mentions.object_key
    group by objects.object_id
    union all
    select
        'enduser_moved' as finding,
        enduser_id as example
    from former_companies
    group by enduser_id
    union all
    select
        'user_id_is_an_address' as finding,
        user_id as example
    from own_keys
    where user_id like '%_@_%' and {{ address_of('user_id') }} is not null
    group by user_id
    union all
    -- the company is none that is known, or another has the key
    select
        'company_alias_without_effect' as finding,
        aliases.company_key as example
    from aliases
    left join company_keys
        on aliases.company_key = company_keys.company_key and company_keys.key_kind = 'alias'
    where company_keys.company_key is null
    union all
    select
        'call_quarantined_' || reason as finding,
        quarantine_id::text as example
    from quarantine
    union all
    select
        'export_line_rejected' as finding,
        file || ':' || coalesce(line::text, '?') as example
    from rejects
    union all
    select
        'metric_value_rejected' as finding,
        message_id as example
    from metric_rejections

),

final as (

    select
        finding,
        null as source,
        null as library,
        null as shape,
        count(*) as times,
        min(example) as example
    from findings
    group by finding
    union all
    select
        finding,
        null as source,
        null as library,
        null as shape,
        count(*) as times,
        (array_agg(example order by amount desc, example collate "C"))[1] as example
    from weighed
    group by finding
    union all
    select
        finding,
        source,
        -- whoever sends ever other ones gets no row for each
        case when place <= 20 then library else '(others)' end as library,
        case when place <= 20 then shape else '(others)' end as shape,
        sum(calls)::bigint as times,
        min(sample_message_id collate "C") as example
    from time_problems
    group by
        finding,
        source,
        case when place <= 20 then library else '(others)' end,
        case when place <= 20 then shape else '(others)' end

)

select * from final
