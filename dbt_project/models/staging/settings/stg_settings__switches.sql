-- One row a switch and period: it was on, or off, from valid_from until before valid_to.

with switches as (

    select * from {{ source('sync', 'switches') }}

),

final as (

    select
        switch,
        is_on,
        valid_from,
        lead(valid_from, 1, 'infinity') over (partition by switch order by valid_from) as valid_to
    from switches

)

select * from final
