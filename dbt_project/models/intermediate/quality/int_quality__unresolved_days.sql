-- One row a reason, source, type, keyset, anonymous id and day: the calls that are unresolved for it. Receipts
-- are ours and are not listed.

{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['keyset', 'day', 'reason', 'source', 'type', 'anonymous_id'],
    indexes=[{'columns': ['reason', 'day']}],
    meta={
        'merges': {'events': 'count', 'first_seen_at': 'min', 'last_seen_at': 'max', 'sample_message_id': 'min'},
    }
) }}

with calls as (

    select
        reason,
        source,
        type,
        keyset,
        -- one row for all who never said who they are
        case when reason = 'no_identity' then '' else coalesce(anonymous_id, '') end as anonymous_id,
        event_date as day,
        event_at,
        message_id
    from {{ new_or_all('int_identity__call_resolutions', told_by='int_identity__call_changes') }} as calls
    where
        reason is not null
        and reason <> 'receipt'
        -- says the same of the keysets, before calls are joined to them
        and is_resolved is not true

),

final as (

    select
        reason,
        source,
        type,
        keyset,
        anonymous_id,
        day,
        count(*) as events,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at,
        min(message_id collate "C") as sample_message_id
    from calls
    group by reason, source, type, keyset, anonymous_id, day

)

select * from final
