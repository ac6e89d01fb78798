-- One row a reason, set of keys and day: how many calls, when, and one to look at. Receipts are ours and
-- are not listed.

{{ config(materialized='view') }}

with unresolved_days as (

    select * from {{ ref('int_quality__unresolved_days') }}

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

final as (

    select
        unresolved_days.reason,
        unresolved_days.source,
        unresolved_days.type,
        keyset_endusers.user_id,
        keyset_endusers.email,
        nullif(unresolved_days.anonymous_id, '') as anonymous_id,
        keyset_endusers.company_key,
        keyset_endusers.company_id,
        unresolved_days.day,
        unresolved_days.events,
        unresolved_days.first_seen_at,
        unresolved_days.last_seen_at,
        unresolved_days.sample_message_id,
        unresolved_days.keyset
    from unresolved_days
    left join keyset_endusers
        on
            unresolved_days.keyset = keyset_endusers.keyset
            -- out of scope: nobody was looked for
            and unresolved_days.reason not in ('suppressed', 'unsupported_type', 'section_off')

)

select * from final
