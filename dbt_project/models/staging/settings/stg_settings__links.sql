-- One row: how long links hold. By itself, so that calls are looked at again when this changes, and not when a
-- threshold of trends does.

{{ config(materialized='table') }}

select max(value) as link_expires_days
from {{ source('sync', 'thresholds') }}
where threshold = 'link_expires_days'
