-- One row a call in scope of a user id of several companies that names none that is known: the one of them that the
-- user id's nearest naming call says, by order: the last at or before it, else the first after (§3.3(3)); and
-- the keyset that the call has together with that company.

{{ config(
    materialized='journaled',
    unique_key=['event_seq'],
    indexes=[{'columns': ['keyset']}],
    meta={'compares': 'always'}
) }}

with keys as (

    select * from {{ ref('int_identity__keys') }}

),

own_keys as (

    select * from {{ ref('int_identity__own_keys') }}
    where user_id is not null and (stating_calls > 0 or tracks > 0)

),

calls as (

    select * from {{ ref('int_identity__calls') }}
    where is_in_scope

),

anonymous_calls as (

    select * from {{ ref('int_identity__anonymous_calls') }}

),

company_keys as (

    select * from {{ ref('int_identity__company_keys') }}

),

key_companies as (

    select * from {{ ref('int_identity__key_companies') }}
    where kind = 'user_id'

),

users_of_several as (

    select key as user_id from key_companies
    group by key
    having count(*) > 1

),

naming_keysets as (

    select
        own_keys.keyset,
        own_keys.user_id,
        company_keys.company_id
    from users_of_several
    inner join own_keys on users_of_several.user_id = own_keys.user_id
    inner join company_keys on own_keys.company_key = company_keys.company_key
    -- one of theirs: a stray name of another company says nothing
    inner join key_companies
        on own_keys.user_id = key_companies.key and company_keys.company_id = key_companies.company_id

),

naming_calls as (

    select
        naming_keysets.user_id,
        naming_keysets.company_id,
        calls.event_at,
        calls.message_id
    from naming_keysets
    inner join calls on naming_keysets.keyset = calls.keyset
    where calls.type in ('identify', 'group', 'track')

),

unnamed_keysets as (

    select
        keys.keyset,
        keys.is_borrowed,
        keys.user_id
    from keys
    inner join (select distinct user_id from naming_keysets) as users on keys.user_id = users.user_id
    left join company_keys on keys.company_key = company_keys.company_key
    where company_keys.company_id is null

),

unnamed_calls as (

    select
        unnamed_keysets.user_id,
        unnamed_keysets.keyset,
        calls.event_seq,
        calls.event_at,
        calls.message_id,
        calls.may_create,
        calls.type <> 'alias' as may_tell,
        null::text as linked_by_message_id
    from unnamed_keysets
    inner join calls on unnamed_keysets.keyset = calls.keyset
    where not unnamed_keysets.is_borrowed
    union all
    select
        unnamed_keysets.user_id,
        unnamed_keysets.keyset,
        anonymous_calls.event_seq,
        anonymous_calls.event_at,
        anonymous_calls.message_id,
        anonymous_calls.may_create,
        -- what is borrowed says nothing new
        false as may_tell,
        anonymous_calls.linked_by_message_id
    from unnamed_keysets
    inner join anonymous_calls on unnamed_keysets.keyset = anonymous_calls.keyset
    where unnamed_keysets.is_borrowed

),

-- how many naming calls of the user id lie at or before each call
in_order as (

    select
        each.*,
        count(each.company_id) over (
            partition by each.user_id
            order by each.event_at, each.message_id collate "C"
        ) as named_before
    from (
        select
            user_id,
            event_at,
            message_id,
            company_id,
            null::bigint as event_seq
        from naming_calls
        union all
        select
            user_id,
            event_at,
            message_id,
            null as company_id,
            event_seq
        from unnamed_calls
    ) as each

),

named as (

    select * from in_order
    where company_id is not null

),

final as (

    select
        unnamed_calls.event_seq,
        unnamed_calls.keyset as unplaced_keyset,
        md5(row(unnamed_calls.keyset, named.company_id)::text)::uuid as keyset,
        named.company_id,
        unnamed_calls.may_create,
        unnamed_calls.may_tell,
        unnamed_calls.linked_by_message_id,
        {{ place('unnamed_calls.event_at', 'unnamed_calls.message_id') }} as place
    from in_order
    inner join unnamed_calls on in_order.event_seq = unnamed_calls.event_seq
    -- the last before it, or the first of all
    inner join named
        on in_order.user_id = named.user_id and greatest(in_order.named_before, 1) = named.named_before

)

select * from final
