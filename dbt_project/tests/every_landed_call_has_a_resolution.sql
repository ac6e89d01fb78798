-- events = resolved + unresolved by reason: a call of this build without either is lost.
with resolutions as (

    select * from {{ ref('event_resolution') }}

)

select message_id
from resolutions
where
    (matched_by is null) = (reason is null)
    or (reason is null and type <> 'group' and enduser_id is null)
    or (reason is null and company_id is null)
