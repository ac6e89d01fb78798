-- One row a landed call: what matched it, or the reason that it is unresolved; the objects that it names aside.

{{ config(materialized='view') }}

with calls as not materialized (

    select * from {{ ref('int_identity__calls') }}

),

anonymous_calls as not materialized (

    select * from {{ ref('int_identity__anonymous_calls') }}

),

keysets as not materialized (

    select * from {{ ref('int_identity__keyset_endusers') }}

),

-- a branch each, so that a look-up by message, user or enduser finds its way by index
own as (

    select
        {{ resolution_columns('calls', 'keysets') }}
    from calls
    inner join keysets
        on
            calls.keyset = keysets.keyset
            and keysets.from_date <= calls.event_date
            and keysets.to_date > calls.event_date
    where
        calls.out_of_scope is null
        and not exists (
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

),

out_of_scope as (

    select
        {{ resolution_columns('calls') }}
    from calls
    where calls.out_of_scope is not null

)

select * from own
union all
select * from anonymous
union all
select * from out_of_scope
