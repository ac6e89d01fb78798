-- One row: what is asked of every call, in a form that needs no joins.

-- Only written to when it differs: making it anew would take the views above it away for a while.
{{ config(materialized='journaled', unique_key=['is_the_only_row'], meta={'compares': 'always'}) }}

with switches as (

    select * from {{ ref('stg_settings__switches') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

sources as (

    select * from {{ ref('stg_segment__sources') }}

),

final as (

    select
        true as is_the_only_row,
        blocked.blocked_anonymous_id,
        blocked.anonymous_id_pattern,
        (
            select coalesce(array_agg(sources.source), '{}') from sources
            where sources.kind = 'planhat'
        ) as planhat_sources,
        {%- for switch in ['user_tracking', 'company_metrics', 'auto_create', 'create_by_property_email'] %}
        (
            select coalesce(range_agg(tstzrange(switches.valid_from, switches.valid_to)), '{}')
            from switches
            where switches.switch = '{{ switch }}' and not switches.is_on
        ) as {{ switch }}_off,
        {%- endfor %}
        (
            select coalesce(range_agg(tstzrange(switches.valid_from, switches.valid_to)), '{}')
            from switches
            where switches.switch = 'block_bots' and switches.is_on
        ) as block_bots_on
    from blocked

)

select * from final
