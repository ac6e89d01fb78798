-- One row a user id that some call told an e-mail of, with the last one, whatever its company (§3.3(4), §3.4).

{{ config(indexes=[{'columns': ['user_id'], 'unique': true}]) }}

with own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where user_id is not null and email is not null and last_telling_place is not null

),

final as (

    select distinct on (user_id)
        user_id,
        email
    from own_keys
    order by user_id, last_telling_place desc

)

select * from final
