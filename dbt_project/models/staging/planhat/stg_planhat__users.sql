with objects as (

    select * from {{ ref('base_planhat__objects') }}
    where model = 'user'

),

final as (

    select
        planhat_id as user_id,
        {{ planhat_email('email') }} as email,
        {{ planhat_text('nickName') }} as nick_name,
        {{ planhat_text('firstName') }} as first_name,
        {{ planhat_text('lastName') }} as last_name,
        {{ planhat_jsonb('roles') }} as roles,
        {{ planhat_key('externalId') }} as external_id,
        {{ planhat_boolean('inactive') }} as is_inactive,
        changed_at,
        deleted_at
    from objects

)

select * from final
