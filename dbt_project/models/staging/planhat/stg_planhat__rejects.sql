-- One row a line of an export that was not loaded.
select
    reject_id,
    rejected_at,
    file,
    line,
    reason
from {{ source('raw_planhat', 'rejects') }}
