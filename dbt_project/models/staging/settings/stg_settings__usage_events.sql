select * from {{ source('sync', 'usage_events') }}
