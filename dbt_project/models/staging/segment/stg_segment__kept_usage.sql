-- One row an object, day and event of a person who was forgotten, whose calls are gone: how many they were.
select
    object_type,
    object_id,
    enduser_id,
    activity_date,
    type,
    event,
    calls,
    last_event_at
from {{ source('raw_segment', 'kept_usage') }}
