-- One row: the e-mails and domains of people who count for nobody, as e-mails are compared.

with excluded as (

    select
        kind,
        {{ email_form('value') }} as as_email
    from {{ source('sync', 'excluded') }}

),

final as (

    select
        coalesce(array_agg(as_email) filter (where kind = 'email'), '{}') as excluded_emails,
        coalesce(array_agg(as_email) filter (where kind = 'domain'), '{}') as excluded_domains
    from excluded
    where as_email is not null

)

select * from final
