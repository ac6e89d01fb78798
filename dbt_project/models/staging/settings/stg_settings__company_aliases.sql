-- One row a further key of a company.

select
    {{ key_form('alias') }} as company_key,
    planhat_id as company_id
from {{ source('sync', 'company_aliases') }}
