-- One row a landed call: what matched it, or the reason that it is unresolved; the objects that it names aside.

{{ config(materialized='view') }}

-- no `with`, which would hide the indexes from a look-up and have every column worked out for whoever wants one; and
-- a branch each, so that a look-up by message, user or enduser finds its way by index
select
    {{ resolution_columns('calls', 'keysets') }}
from {{ ref('int_identity__calls') }} as calls
inner join {{ ref('int_identity__keyset_endusers') }} as keysets
    on
        calls.keyset = keysets.keyset
        and keysets.from_date <= calls.event_date
        and keysets.to_date > calls.event_date
where
    calls.is_in_scope
    and not exists (
        select 1 from {{ ref('int_identity__anonymous_calls') }} as anonymous_calls
        where anonymous_calls.event_seq = calls.event_seq
    )
union all
select
    {{ resolution_columns('calls', 'keysets', 'anonymous_calls.linked_by_message_id') }}
from {{ ref('int_identity__anonymous_calls') }} as anonymous_calls
inner join {{ ref('int_identity__calls') }} as calls on anonymous_calls.event_seq = calls.event_seq
inner join {{ ref('int_identity__keyset_endusers') }} as keysets
    on
        anonymous_calls.keyset = keysets.keyset
        and keysets.from_date <= anonymous_calls.event_date
        and keysets.to_date > anonymous_calls.event_date
union all
select
    {{ resolution_columns('calls') }}
from {{ ref('int_identity__calls') }} as calls
where not calls.is_in_scope
