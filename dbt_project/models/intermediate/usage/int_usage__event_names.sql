-- One row an event name ever received in a track, page or screen call, receipts aside: a call never changes its
-- name or its time.

{{ config(
    materialized='journaled',
    unique_key=['type', 'event'],
    meta={
        'merges': {'calls': 'count', 'first_seen_at': 'min', 'last_seen_at': 'max', 'first_received_at': 'min'},
    }
) }}

with calls as (

    select * from {{ new_or_all('int_identity__calls') }} as calls
    where type in ('track', 'page', 'screen') and not is_receipt

),

final as (

    select
        type,
        event,
        count(*) as calls,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        min(received_at) as first_received_at
    from calls
    group by type, event

)

select * from final
