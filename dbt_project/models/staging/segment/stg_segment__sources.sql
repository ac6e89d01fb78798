-- One row a source of calls.

select
    source,
    kind
from {{ source('raw_segment', 'sources') }}
