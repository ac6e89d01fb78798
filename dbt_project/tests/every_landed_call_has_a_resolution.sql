-- events = resolved + unresolved by reason: a call of this build without either is lost.
{%- set only_new = looked_at_changes(['stg_segment__calls']) %}

with landed as (

    select event_seq from {{ ref('stg_segment__calls') }}
    where build_id = {{ this_build().build_id }}

),

resolutions as (

    select
        event_seq,
        type,
        matched_by,
        reason,
        company_id,
        enduser_id
    from {{ ref('int_identity__call_resolutions') }}

),

judged as (

    select
        landed.event_seq,
        resolution.type,
        resolution.matched_by,
        resolution.reason,
        resolution.company_id,
        resolution.enduser_id
    from landed
    {%- if only_new %}
    left join lateral (
        select * from resolutions
        where resolutions.event_seq = landed.event_seq
        -- keeps the look-up a look-up
        offset 0
    ) as resolution on true
    {%- else %}
    left join resolutions as resolution on landed.event_seq = resolution.event_seq
    {%- endif %}

)

select event_seq
from judged
where
    type is null
    or (matched_by is null) = (reason is null)
    or (reason is null and type <> 'group' and enduser_id is null)
    or (reason is null and company_id is null)
