-- One row a call that says when it happened in a way that is not usable (§3.9): by which library, and what that looks
-- like. A view: few calls do, and their payloads are looked up.

with calls as (

    select * from {{ ref('stg_segment__calls') }}
    where time_problem <> 'missing'

),

events as (

    select * from {{ source('raw_segment', 'events') }}

),

said as (

    select
        calls.build_id,
        calls.message_id,
        calls.source,
        calls.received_at,
        calls.time_problem as problem,
        events.payload #>> '{context,library,name}' as library_name,
        events.payload #>> '{context,library,version}' as library_version,
        coalesce(
            events.payload ->> 'timestamp',
            events.payload ->> 'originalTimestamp',
            events.payload ->> 'original_timestamp'
        ) as said_at
    from calls
    inner join events on events.message_key = {{ message_key('calls.message_id') }}

),

final as (

    select
        build_id,
        message_id,
        source,
        received_at,
        problem,
        concat_ws(' ', {{ name_form('library_name', 60) }}, {{ name_form('library_version', 20) }}) as library,
        -- a clock alone may be absurd, too
        coalesce({{ shape('said_at') }}, '') as shape
    from said

)

select * from final
