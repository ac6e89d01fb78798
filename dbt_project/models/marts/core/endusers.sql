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

identify_traits as (

    select * from {{ ref('stg_segment__identify_traits') }}

),

resolutions as (

    select * from {{ ref('event_resolution') }}
    where enduser_id is not null

),

seen as (

    select
        enduser_id,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at
    from resolutions
    group by enduser_id

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

-- each attribute from the last identify that carries it
attribute_values as (

    select distinct on (resolutions.enduser_id, identify_traits.attribute)
        resolutions.enduser_id,
        identify_traits.attribute,
        identify_traits.value
    from resolutions
    inner join created on resolutions.enduser_id = created.enduser_id
    inner join identify_traits on resolutions.message_key = identify_traits.message_key
    order by
        resolutions.enduser_id, identify_traits.attribute,
        resolutions.event_at desc, resolutions.message_id collate "C" desc

),

attributes as (

    select
        enduser_id,
        {%- for attribute in ['name', 'first_name', 'last_name', 'phone', 'position'] %}
        max(value) filter (where attribute = '{{ attribute }}') as {{ attribute }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from attribute_values
    group by enduser_id

),

unioned as (

    select
        enduser_id,
        company_id,
        external_id,
        email,
        coalesce(name, nullif(concat_ws(' ', first_name, last_name), '')) as name,
        first_name,
        last_name,
        phone,
        position,
        'planhat' as origin,
        null as created_by_message_id
    from endusers
    union all
    select
        created.enduser_id,
        created.company_id,
        created.external_id,
        created.email,
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
