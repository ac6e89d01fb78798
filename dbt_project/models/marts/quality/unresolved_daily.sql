-- One row a reason, set of keys and day: how many calls, when, and one to look at. Receipts are ours and
-- are not listed.

with resolutions as (

    select * from {{ ref('event_resolution') }}
    where reason is not null and reason <> 'receipt'

),

final as (

    select
        reason,
        source,
        type,
        user_id,
        email,
        -- one row for all who never said who they are
        case when reason <> 'no_identity' then anonymous_id end as anonymous_id,
        company_key,
        company_id,
        event_date as day,
        count(*) as events,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        min(message_id) as sample_message_id
    from resolutions
    group by
        reason,
        source,
        type,
        user_id,
        email,
        case when reason <> 'no_identity' then anonymous_id end,
        company_key,
        company_id,
        event_date

)

select * from final
