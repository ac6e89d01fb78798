-- One row: the customer's own blocked values, as sent and folded as e-mails are.

with blocked as (

    select * from {{ source('sync', 'blocked_identities') }}

),

final as (

    select
        coalesce(array_agg(value), '{}') as blocked_values,
        coalesce(array_agg(lower(btrim(value))), '{}') as blocked_emails
    from blocked

)

select * from final
