-- One row a set of keys that knows a person and an anonymous id that its calls carry: which ids are on how many
-- devices. Many calls, few pairs.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['keyset', 'anonymous_id'],
    meta={'merges': {'links': 'count'}}
) }}

with links as (

    select * from {{ new_or_all('int_identity__links') }} as links

),

final as (

    select
        keyset,
        anonymous_id,
        count(*) as links
    from links
    group by keyset, anonymous_id

)

select * from final
