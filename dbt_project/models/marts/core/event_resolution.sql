-- One row a landed call: what matched it, or the reason that it is unresolved.

{{ config(materialized='view') }}

with calls as (

    select * from {{ ref('int_identity__calls') }}

),

calls_linked as (

    select * from {{ ref('int_identity__calls_linked') }}

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

final as (

    select
        -- ids
        calls.message_id,
        calls.message_key,
        calls.source,

        -- what and when
        calls.type,
        calls.event,
        calls.event_at,
        calls.event_date,
        calls.event_at_source,
        calls.received_at,

        -- the keys it was resolved by
        calls_linked.user_id,
        calls_linked.email,
        calls.anonymous_id,
        calls_linked.company_key,
        calls_linked.linked_by_message_id,

        -- what they are
        keyset_endusers.company_id,
        keyset_endusers.enduser_id,
        named.asset_id,
        named.project_id,

        -- why
        keyset_endusers.company_matched_by,
        case
            when calls.type = 'group' and keyset_endusers.company_id is not null then 'group'
            else keyset_endusers.matched_by
        end as matched_by,
        coalesce(calls.out_of_scope, calls_linked.unidentified, keyset_endusers.reason) as reason,
        case when named.has_unknown then 'unknown_object' end as object_reason
    from calls
    left join calls_linked on calls.message_key = calls_linked.message_key
    left join keyset_endusers on calls_linked.keyset = keyset_endusers.keyset
    -- by the call's key, so that one call's story reads one call's rows
    left join lateral (
        select
            max(call_objects.object_id) filter (where call_objects.model = 'asset') as asset_id,
            max(call_objects.object_id) filter (where call_objects.model = 'project') as project_id,
            bool_or(call_objects.object_id is null) as has_unknown
        from {{ ref('int_identity__call_objects') }} as call_objects
        where call_objects.message_key = calls.message_key
    ) as named on true

)

select * from final
