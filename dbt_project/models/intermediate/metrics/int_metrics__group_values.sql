-- One row a value of a trait in a group call whose section was on (§3.8), with the company if it is known.

{{ config(indexes=[{'columns': ['trait']}]) }}

with resolutions as (

    select * from {{ ref('event_resolution') }}
    where
        type = 'group'
        and (
            reason is null
            or reason not in ('receipt', 'suppressed', 'unsupported_type', 'section_off')
        )

),

group_traits as (

    select * from {{ ref('stg_segment__group_traits') }}

),

company_metrics as (

    select * from {{ ref('stg_settings__company_metrics') }}

),

final as (

    select
        resolutions.message_id,
        resolutions.event_at,
        resolutions.event_date,
        resolutions.company_key,
        resolutions.company_id,
        group_traits.trait,
        group_traits.value,
        group_traits.value_type,
        group_traits.value_text,
        company_metrics.aggregation
    from resolutions
    inner join group_traits on resolutions.message_key = group_traits.message_key
    left join company_metrics on group_traits.trait = company_metrics.metric

)

select * from final
