-- One row a landed call: what matched it, or the reason that it is unresolved. A view: a look-up by message id,
-- user id or enduser id reads that call's rows alone.

{{ config(materialized='view') }}

with resolutions as (

    select * from {{ ref('int_identity__call_resolutions') }}

),

final as (

    select
        {%- for column in resolution_column_names() if column != 'mention' %}
        resolutions.{{ column }},
        {%- endfor %}
        resolutions.is_resolved,
        -- it named a company that Planhat has not, and found another way
        case
            when resolutions.company_matched_by <> 'company_key' and resolutions.company_key is not null
                then 'unknown_company'
        end as company_reason,
        named.asset_id,
        named.project_id,
        case when named.has_unknown then 'unknown_object' end as object_reason
    from resolutions
    left join lateral (
        select
            max(objects.object_id) filter (where mentions.model = 'asset') as asset_id,
            max(objects.object_id) filter (where mentions.model = 'project') as project_id,
            bool_or(objects.object_id is null) as has_unknown
        from {{ ref('int_identity__mentions') }} as mentions
        left join {{ ref('int_identity__objects') }} as objects
            on
                mentions.model = objects.model
                and mentions.object_key = objects.external_id
                and objects.company_id = resolutions.company_id
        where
            mentions.mention = resolutions.mention
            and mentions.object_key is not null
            -- out of scope: nothing is looked for
            and (
                resolutions.reason is null
                or resolutions.reason not in ('receipt', 'suppressed', 'unsupported_type', 'section_off')
            )
    ) as named on true

)

select * from final
