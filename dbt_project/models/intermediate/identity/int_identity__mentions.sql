-- One row a way in which calls mention an object: the key that it is after blocking (§3.1).

{{ config(
    materialized='journaled',
    unique_key=['mention'],
    inputs=['sync.blocked_identities'],
    indexes=[{'columns': ['mention'], 'unique': true}, {'columns': ['object_key']}]
) }}

{%- set mode = increment_mode() %}

with object_mentions as (

    select * from {{ new_or_all('stg_segment__object_mentions', mode) }} as landed

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

mentions as (

    select distinct
        mention,
        model,
        object_keys
    from object_mentions

),

final as (

    select
        mentions.mention,
        mentions.model,
        {{ first_unblocked('mentions.object_keys', 'blocked.blocked_values') }} as object_key
    from mentions
    cross join blocked

)

select * from final
