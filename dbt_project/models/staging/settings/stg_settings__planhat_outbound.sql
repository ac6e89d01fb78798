select * from {{ source('sync', 'planhat_outbound') }}
