-- One row a call: its own keys after blocking, and whether it is in scope at all (§3.1, §3.5, §3.6,
-- §3.12). Settings apply here, each as it was in force when the call was received.

{{ config(indexes=[
    {'columns': ['message_key'], 'unique': true},
    {'columns': ['message_id']},
]) }}

with calls as (

    select * from {{ ref('stg_segment__calls') }}

),

switches as (

    select * from {{ ref('stg_settings__switches') }}

),

blocked as (

    select * from {{ ref('stg_settings__blocked_identities') }}

),

keyed as (

    select
        calls.*,
        case when calls.type = 'group' then 'company_metrics' else 'user_tracking' end as section,
        {{ first_unblocked('calls.user_ids', 'blocked.blocked_values') }} as user_id,
        {{ first_unblocked('calls.emails', 'blocked.blocked_emails') }} as email,
        {{ first_unblocked('calls.anonymous_ids', 'blocked.blocked_values') }} as anonymous_id,
        {{ first_unblocked('calls.company_keys', 'blocked.blocked_values') }} as company_key,
        {{ first_unblocked('calls.previous_ids', 'blocked.blocked_values') }} as previous_id
    from calls
    cross join blocked

),

final as (

    select
        -- ids
        keyed.message_key,
        keyed.message_id,
        keyed.source,

        -- what it is
        keyed.type,
        keyed.event,
        keyed.event_at,
        keyed.event_date,
        keyed.event_at_source,
        keyed.received_at,

        -- its own keys
        keyed.user_id,
        keyed.email,
        keyed.anonymous_id,
        keyed.company_key,
        keyed.previous_id,
        keyed.user_ids <> '{}' or keyed.emails <> '{}' or keyed.anonymous_ids <> '{}' as names_person,
        keyed.company_keys <> '{}' as names_company,

        -- rules
        keyed.type in ('identify', 'track') and auto_create.is_on as may_create,
        case
            when keyed.is_receipt then 'receipt'
            when keyed.is_suppressed then 'suppressed'
            when keyed.type not in ('identify', 'track', 'group', 'page', 'screen', 'alias')
                then 'unsupported_type'
            when not section.is_on then 'section_off'
        end as out_of_scope
    from keyed
    left join switches as section
        on
            keyed.section = section.switch
            and section.valid_from <= keyed.received_at
            and section.valid_to > keyed.received_at
    left join switches as auto_create
        on
            auto_create.switch = 'auto_create'
            and auto_create.valid_from <= keyed.received_at
            and auto_create.valid_to > keyed.received_at

)

select * from final
