select * from {{ source('sync', 'company_metrics') }}
