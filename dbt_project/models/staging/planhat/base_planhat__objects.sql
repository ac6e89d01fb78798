-- One row an object: raw_planhat.objects as it was at one moment, so that a read of Planhat that commits
-- during a build cannot show two models different customers.

{{ config(materialized='table', indexes=[{'columns': ['model', 'planhat_id'], 'unique': true}]) }}

select
    model,
    planhat_id,
    payload,
    changed_at,
    deleted_at,
    made_by_us
from {{ source('raw_planhat', 'objects') }}
-- no id of Planhat's is so long, and what is would fit no index
where octet_length(planhat_id) <= {{ var('longest_planhat_id') }}
