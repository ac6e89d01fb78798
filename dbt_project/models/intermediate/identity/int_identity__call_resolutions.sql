-- One row a landed call: what matched it, or the reason that it is unresolved; the objects that it names aside.

{{ config(materialized='view') }}

with calls as (

    select * from {{ ref('int_identity__calls') }}

),

anonymous_calls as (

    select * from {{ ref('int_identity__anonymous_calls') }}

),

keysets as (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

-- two branches, so that a look-up by message, user or enduser finds its way by index in each
own as (

    select
        {{ resolution_columns('calls', 'keysets', 'null::text') }}
    from calls
    inner join keysets
        on
            calls.keyset = keysets.keyset
            and keysets.from_date <= calls.event_date
            and keysets.to_date > calls.event_date
    where
        not exists (
            select 1 from anonymous_calls
            where anonymous_calls.event_seq = calls.event_seq
        )

),

anonymous as (

    select
        {{ resolution_columns('calls', 'keysets', 'anonymous_calls.linked_by_message_id') }}
    from anonymous_calls
    inner join calls on anonymous_calls.event_seq = calls.event_seq
    inner join keysets
        on
            anonymous_calls.keyset = keysets.keyset
            and keysets.from_date <= anonymous_calls.event_date
            and keysets.to_date > anonymous_calls.event_date

)

select * from own
union all
select * from anonymous
