-- One row a mention and model: the key of the object that it is after blocking (§3.1).

{{ config(
    materialized='journaled',
    unique_key=['mention', 'model'],
    indexes=[{'columns': ['object_key']}]
) }}

with mentions as (

    select * from {{ new_or_all('stg_segment__mentions') }} as mentions

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

final as (

    select
        mentions.mention,
        mentions.model,
        {{ first_unblocked('mentions.object_keys', blocked_of('object', 'blocked')) }} as object_key
    from mentions
    cross join blocked

)

select * from final
