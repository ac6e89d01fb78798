-- One row a key that is written in several ways which differ only by case, by blanks or as a number is: to us they are
-- several keys (§3.1). Of user ids, in calls and in Planhat, and of companies' keys, but for those that lead to one
-- company anyway. A view: keys are few beside calls.

{{ config(materialized='view') }}

with own_keys as (

    select
        user_id,
        company_key
    from {{ ref('int_identity__own_keys') }}
    where calls > 0

),

enduser_keys as (

    select * from {{ ref('int_identity__enduser_keys') }}
    where not is_former

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

keys as (

    select
        'user_id' as kind,
        user_id as key
    from own_keys
    where user_id is not null
    union
    select
        'user_id' as kind,
        external_id as key
    from enduser_keys
    union
    select
        'company_key' as kind,
        company_key as key
    from own_keys
    where company_key is not null
    union
    select
        'company_key' as kind,
        company_key as key
    from company_keys

),

folded as (

    select
        kind,
        key,
        {{ one_spelling('key') }} as spelling
    from keys
    {{ fence() }}

),

alike as (

    select
        kind,
        spelling
    from folded
    group by kind, spelling
    having count(*) > 1

),

final as (

    select
        folded.kind,
        folded.spelling,
        count(*) as spellings,
        min(folded.key collate "C") as example,
        (array_agg(folded.key order by folded.key collate "C"))[:10] as examples
    from alike
    inner join folded on alike.kind = folded.kind and alike.spelling = folded.spelling
    left join company_keys on folded.kind = 'company_key' and folded.key = company_keys.company_key
    group by folded.kind, folded.spelling
    -- several that lead to one company are no trouble
    having count(distinct company_keys.company_id) + count(*) filter (where company_keys.company_id is null) > 1

)

select * from final
