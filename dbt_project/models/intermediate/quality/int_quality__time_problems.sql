-- One row a source, library, problem and shape of times of calls that were not usable: when they were received counts
-- instead (§3.9). A call never changes what it says.

{{ config(
    materialized='journaled',
    unique_key=['source', 'library', 'problem', 'shape'],
    meta={
        'merges': {
            'calls': 'count',
            'first_received_at': 'min',
            'last_received_at': 'max',
            'sample_message_id': 'min',
        },
    }
) }}

with unusable_times as (

    select * from {{ new_or_all('stg_segment__unusable_times') }} as unusable_times

),

final as (

    select
        source,
        library,
        problem,
        shape,
        count(*) as calls,
        min(received_at) as first_received_at,
        max(received_at) as last_received_at,
        min(message_id collate "C") as sample_message_id
    from unusable_times
    group by source, library, problem, shape

)

select * from final
