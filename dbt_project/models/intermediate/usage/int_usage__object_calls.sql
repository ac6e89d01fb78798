-- One row a counted call and object that it counts for: its enduser, its company, and each object that it
-- names (§3.7).

with calls as (

    select * from {{ ref('int_usage__calls') }}
    where not is_unattributed

),

call_objects as (

    select * from {{ ref('int_identity__call_objects') }}
    where object_id is not null

),

final as (

    select
        'enduser' as object_type,
        enduser_id as object_id,
        *
    from calls
    union all
    select
        'company' as object_type,
        company_id as object_id,
        *
    from calls
    union all
    select
        call_objects.model as object_type,
        call_objects.object_id,
        calls.*
    from calls
    inner join call_objects on calls.message_key = call_objects.message_key

)

select * from final
