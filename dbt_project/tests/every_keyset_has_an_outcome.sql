-- A set of keys is matched by something, or there is a reason why not; who is matched is in a company.
with keysets as (

    select * from {{ ref('int_identity__keyset_endusers') }}

)

select keyset
from keysets
where
    (matched_by is null) = (reason is null)
    or (reason is null and matched_by <> 'group' and enduser_id is null)
    or (reason is null and company_id is null)
