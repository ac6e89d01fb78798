-- One row: the customer's own blocked values, as keys and as e-mails are compared.

with blocked as (

    select
        {{ key_form('value') }} as as_key,
        {{ email_form('value') }} as as_email
    from {{ source('sync', 'blocked_identities') }}

),

final as (

    select
        coalesce(array_agg(as_key), '{}') as blocked_values,
        coalesce(array_agg(as_email), '{}') as blocked_emails
    from blocked
    -- a blank one would make every comparison unknown
    where as_key is not null

)

select * from final
