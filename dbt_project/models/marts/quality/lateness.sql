-- One row a source and library: how late its calls arrive. What stands behind alert_judged_after (12 hours).

{{ config(materialized='view') }}

with delays as (

    select * from {{ ref('int_quality__lateness') }}

),

final as (

    select
        source,
        library,
        sum(calls)::bigint as calls,
        coalesce(sum(calls) filter (where delay = '1h'), 0)::bigint as within_1h,
        coalesce(sum(calls) filter (where delay in ('1h', '12h')), 0)::bigint as within_12h,
        coalesce(sum(calls) filter (where delay in ('1h', '12h', '1d')), 0)::bigint as within_1d,
        coalesce(sum(calls) filter (where delay <> 'later'), 0)::bigint as within_7d,
        round(
            coalesce(sum(calls) filter (where delay not in ('1h', '12h')), 0) / sum(calls), 6
        ) as share_after_12h
    from delays
    group by source, library

)

select * from final
