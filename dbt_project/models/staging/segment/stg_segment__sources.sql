-- One row a source of calls.

select
    {{ bounded('source', var('longest_source')) }} as source,
    kind
from {{ source('raw_segment', 'sources') }}
