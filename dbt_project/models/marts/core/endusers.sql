-- One row an enduser: those in Planhat (not deleted there), and those created from Segment calls (§3.5).

{{ config(indexes=[{'columns': ['enduser_id'], 'unique': true}, {'columns': ['company_id']}]) }}

with endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null

),

created_users as (

    select * from {{ ref('int_identity__created_users') }}

),

created_emails as (

    select * from {{ ref('int_identity__created_emails') }}

),

user_emails as (

    select * from {{ ref('int_identity__user_emails') }}

),

attributes_of_calls as not materialized (

    select * from {{ ref('int_identity__attributes') }}

),

anonymous_calls as (

    select * from {{ ref('int_identity__anonymous_calls') }}

),

placed_calls as (

    select * from {{ ref('int_identity__placed_calls') }}

),

keyset_endusers as (

    select * from {{ ref('int_identity__keyset_endusers') }}
    where enduser_id is not null

),

keyset_companies as (

    select * from {{ ref('int_identity__keyset_companies') }}

),

seen as (

    select
        keyset_endusers.enduser_id,
        {{ place_event_at('min(keyset_companies.first_place)') }} as first_seen_at,
        {{ place_event_at('max(keyset_companies.last_place)') }} as last_seen_at
    from keyset_endusers
    inner join keyset_companies
        on keyset_endusers.keyset = keyset_companies.keyset
    group by keyset_endusers.enduser_id

),

created as (

    select
        enduser_id,
        company_id,
        user_id as external_id,
        email,
        created_by_message_id
    from created_users
    union all
    select
        enduser_id,
        company_id,
        null as external_id,
        email,
        created_by_message_id
    from created_emails

),

created_keysets as (

    select keyset_endusers.* from keyset_endusers
    inner join created on keyset_endusers.enduser_id = created.enduser_id

),

carried as (

    select
        created_keysets.enduser_id,
        attributes_of_calls.attribute,
        attributes_of_calls.value,
        attributes_of_calls.place
    from created_keysets
    inner join attributes_of_calls on created_keysets.keyset = attributes_of_calls.keyset
    -- whom a call's properties know, unless a link of its device knows better
    left join anonymous_calls
        on created_keysets.is_anonymous and attributes_of_calls.event_seq = anonymous_calls.event_seq
    where not created_keysets.is_borrowed and anonymous_calls.event_seq is null
    union all
    select
        created_keysets.enduser_id,
        attributes_of_calls.attribute,
        attributes_of_calls.value,
        attributes_of_calls.place
    from created_keysets
    inner join anonymous_calls on created_keysets.keyset = anonymous_calls.keyset
    inner join attributes_of_calls on anonymous_calls.event_seq = attributes_of_calls.event_seq
    where created_keysets.is_borrowed
    union all
    select
        created_keysets.enduser_id,
        attributes_of_calls.attribute,
        attributes_of_calls.value,
        attributes_of_calls.place
    from created_keysets
    inner join placed_calls on created_keysets.keyset = placed_calls.keyset
    inner join attributes_of_calls on placed_calls.event_seq = attributes_of_calls.event_seq

),

-- each attribute from the last identify that carries it
attribute_values as (

    select distinct on (enduser_id, attribute)
        enduser_id,
        attribute,
        value,
        place
    from carried
    order by enduser_id, attribute, place desc

),

attributes as (

    select
        enduser_id,
        {%- for attribute in ['name', 'first_name', 'last_name', 'phone', 'position'] %}
        max(value) filter (where attribute = '{{ attribute }}') as {{ attribute }}
        {{- "," }}
        {%- endfor %}
        max(place) filter (where attribute = 'email') as email_cleared_place
    from attribute_values
    group by enduser_id

),

unioned as (

    select
        endusers.enduser_id,
        endusers.company_id,
        endusers.external_id,
        endusers.email,
        coalesce(endusers.name, nullif(concat_ws(' ', endusers.first_name, endusers.last_name), '')) as name,
        endusers.first_name,
        endusers.last_name,
        endusers.phone,
        endusers.position,
        'planhat' as origin,
        null as created_by_message_id
    from endusers
    -- whom we made is the created one that it was
    left join created as ours on endusers.enduser_id = ours.enduser_id
    where ours.enduser_id is null
    union all
    select
        created.enduser_id,
        created.company_id,
        created.external_id,
        -- what is matched stays the last that there was
        case
            when
                created.external_id is null
                or attributes.email_cleared_place is null
                or attributes.email_cleared_place <= user_emails.told_place
                then created.email
        end as email,
        coalesce(
            attributes.name,
            nullif(concat_ws(' ', attributes.first_name, attributes.last_name), '')
        ) as name,
        attributes.first_name,
        attributes.last_name,
        attributes.phone,
        attributes.position,
        'segment' as origin,
        created.created_by_message_id
    from created
    left join attributes on created.enduser_id = attributes.enduser_id
    left join user_emails
        on created.company_id = user_emails.company_id and created.external_id = user_emails.user_id

),

final as (

    select
        unioned.*,
        seen.first_seen_at,
        seen.last_seen_at
    from unioned
    left join seen on unioned.enduser_id = seen.enduser_id

)

select * from final
