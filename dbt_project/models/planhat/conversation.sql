-- One row a Conversation in Planhat, as it is pushed to Segment. A contract: see conversation.yml.

with conversations as (

    select * from {{ ref('stg_planhat__conversations') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

final as (

    select
        -- keys
        conversations.conversation_id as object_id,
        conversations.conversation_id as planhat_id,
        conversations.external_id as external_id,
        conversations.company_id,
        companies.external_id as company_external_id,

        -- what it says
        conversations.subject,
        conversations.type,
        conversations.conversation_at,
        conversations.users,
        conversations.endusers,
        conversations.activity_tags,
        conversations.is_archived,
        conversations.custom
    from conversations
    left join companies on conversations.company_id = companies.company_id

)

select * from final
