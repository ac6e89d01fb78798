-- One row a call that could not be stored as it came, and was not replayed since.
select
    quarantine_id,
    received_at,
    source,
    reason,
    detail
from {{ source('raw_segment', 'quarantine') }}
where replayed_at is null
