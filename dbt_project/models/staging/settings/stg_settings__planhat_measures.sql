select * from {{ source('sync', 'planhat_measures') }}
