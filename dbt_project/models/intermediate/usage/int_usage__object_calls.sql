-- One row a call that may be usage and object that it is of (§3.7): its company, and where its enduser is known, each
-- object within that company that it names. And, without any call, as many rows as the forgotten had calls.

{{ config(materialized='view') }}

-- no `with`: a view that has one is never merged into a query
select
    resolutions.event_seq,
    'company' as object_type,
    resolutions.company_id as object_id,
    coalesce(resolutions.enduser_id, '') as enduser_id,
    resolutions.event_date as activity_date,
    resolutions.type,
    resolutions.event,
    -- the last call of nobody is of no use
    case when resolutions.enduser_id is not null then resolutions.event_at end as event_at
from {{ ref('int_identity__call_resolutions') }} as resolutions
where {{ may_be_usage('resolutions') }}
union all
select
    resolutions.event_seq,
    objects.model as object_type,
    objects.object_id,
    resolutions.enduser_id,
    resolutions.event_date as activity_date,
    resolutions.type,
    resolutions.event,
    resolutions.event_at
from {{ ref('int_identity__call_resolutions') }} as resolutions
inner join {{ ref('int_identity__mentions') }} as mentions on resolutions.mention = mentions.mention
inner join {{ ref('int_identity__objects') }} as objects
    on
        mentions.model = objects.model
        and resolutions.company_id = objects.company_id
        and mentions.object_key = objects.external_id
where
    {{ may_be_usage('resolutions') }}
    and resolutions.mention is not null
    -- of usage, what is resolved has an enduser, and nothing else has: of that, Postgres knows how much there is
    and resolutions.enduser_id is not null
union all
-- calls of people who were forgotten: there are none any more, but how many there were
select
    null as event_seq,
    kept.object_type,
    kept.object_id,
    kept.enduser_id,
    kept.activity_date,
    kept.type,
    kept.event,
    kept.last_event_at as event_at
from {{ ref('stg_segment__kept_usage') }} as kept
cross join lateral generate_series(1, kept.calls)
