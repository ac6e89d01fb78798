-- One row a call in scope with an anonymous id and neither user id nor e-mail: its nearest link, the last at
-- or before it, else the first after (§3.2), and the keyset that it has with what it borrows from there. Without
-- a link its properties may know the person (§3.1): that too is a keyset of its own.

{{ config(
    materialized='journaled',
    unique_key=['event_seq'],
    indexes=[
        {'columns': ['message_id']},
        {'columns': ['keyset', 'event_date']},
    ],
    meta={'more_indexes': ['(anonymous_id, event_at)']}
) }}

{#-
    Keeps a mode: whom a link touches is a stretch of time of its anonymous id, up to the next link, which no journal and
    no column of the key says.
-#}
{%- set mode = increment_mode() %}

with calls as (

    select * from {{ new_or_all('int_identity__calls') }} as calls
    where is_in_scope and type <> 'group'

),

own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where user_id is null and email is null and not is_group

),

links as not materialized (

    select * from {{ ref('int_identity__links') }}

),

link_settings as (

    select * from {{ ref('stg_settings__links') }}

),

unlinked as (

    select
        calls.event_seq,
        calls.anonymous_id,
        calls.event_at,
        calls.event_date,
        calls.message_id,
        calls.may_create,
        calls.may_create_by_property_email,
        calls.type,
        calls.source,
        calls.event,
        calls.event_at_source,
        calls.received_at,
        calls.mention,
        calls.keyset as own_keyset
    from calls
    inner join own_keys on calls.keyset = own_keys.keyset
    where calls.anonymous_id is not null
    {%- if mode == 'changes' %}
    union
    -- what lies between a link that came or went and the next one
    select
        earlier.event_seq,
        earlier.anonymous_id,
        earlier.event_at,
        earlier.event_date,
        earlier.message_id,
        earlier.may_create,
        earlier.may_create_by_property_email,
        earlier.type,
        earlier.source,
        earlier.event,
        earlier.event_at_source,
        earlier.received_at,
        earlier.mention,
        earlier.own_keyset
    from {{ journal('int_identity__links') }} as moved
    left join lateral (
        select
            links.event_at,
            links.message_id
        from links
        where
            links.anonymous_id = moved.anonymous_id
            and (links.event_at, links.message_id collate "C")
            > (moved.event_at, moved.message_id collate "C")
        order by links.event_at, links.message_id collate "C"
        limit 1
    ) as next on true
    inner join {{ this }} as earlier
        on
            moved.anonymous_id = earlier.anonymous_id
            and (earlier.event_at, earlier.message_id collate "C")
            >= (moved.event_at, moved.message_id collate "C")
            and (
                next.event_at is null
                or (earlier.event_at, earlier.message_id collate "C")
                < (next.event_at, next.message_id collate "C")
            )
    union
    -- and what lies before it, if no link lies before that that holds still
    select
        earlier.event_seq,
        earlier.anonymous_id,
        earlier.event_at,
        earlier.event_date,
        earlier.message_id,
        earlier.may_create,
        earlier.may_create_by_property_email,
        earlier.type,
        earlier.source,
        earlier.event,
        earlier.event_at_source,
        earlier.received_at,
        earlier.mention,
        earlier.own_keyset
    from {{ journal('int_identity__links') }} as moved
    left join lateral (
        select
            links.event_at,
            links.message_id
        from links
        where
            links.anonymous_id = moved.anonymous_id
            and (links.event_at, links.message_id collate "C")
            < (moved.event_at, moved.message_id collate "C")
        order by links.event_at desc, links.message_id collate "C" desc
        -- a look-up for each link that moved: an anti-join reads all that there are
        limit 1
    ) as before on true
    inner join {{ this }} as earlier
        on
            moved.anonymous_id = earlier.anonymous_id
            and (earlier.event_at, earlier.message_id collate "C")
            < (moved.event_at, moved.message_id collate "C")
    cross join link_settings
    where
        before.event_at is null
        -- or if that may have expired meanwhile
        or (
            link_settings.link_expires_days is not null
            and (earlier.event_at, earlier.message_id collate "C") > (before.event_at, before.message_id collate "C")
        )
    {%- endif %}

),

final as (

    select
        unlinked.*,
        coalesce(before.event_seq, after.event_seq) as link_event_seq,
        coalesce(before.message_id, after.message_id) as linked_by_message_id,
        coalesce(before.keyset, after.keyset) as link_keyset,
        case
            when coalesce(before.keyset, after.keyset) is null and own_keys.property_email is null
                then unlinked.own_keyset
            else md5(row(unlinked.own_keyset, coalesce(before.keyset, after.keyset))::text)::uuid
        end as keyset
    from unlinked
    inner join own_keys on unlinked.own_keyset = own_keys.keyset
    cross join link_settings
    left join lateral (
        select
            last.event_seq,
            last.message_id,
            last.keyset
        from (
            select * from links
            where
                links.anonymous_id = unlinked.anonymous_id
                and (links.event_at, links.message_id collate "C")
                <= (unlinked.event_at, unlinked.message_id collate "C")
            order by links.event_at desc, links.message_id collate "C" desc
            limit 1
        ) as last
        -- where that has expired, so has every other before it
        where
            link_settings.link_expires_days is null
            or last.event_at >= unlinked.event_at - link_settings.link_expires_days * interval '1 day'
    ) as before on true
    left join lateral (
        select
            links.event_seq,
            links.message_id,
            links.keyset
        from links
        where
            before.event_seq is null
            and links.anonymous_id = unlinked.anonymous_id
            and (links.event_at, links.message_id collate "C")
            > (unlinked.event_at, unlinked.message_id collate "C")
        order by links.event_at, links.message_id collate "C"
        limit 1
    ) as after on true

)

select * from final
