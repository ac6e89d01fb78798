-- One row a landed call: what matched it, or the reason that it is unresolved; the objects that it names aside.

{{ config(materialized='view') }}

-- no `with`, which would hide the indexes from a look-up and have every column worked out for whoever wants one; and
-- a branch each, so that a look-up by message, user or enduser finds its way by index
select
    {{ resolution_columns('calls', 'keysets') }}
from {{ ref('int_identity__calls') }} as calls
inner join {{ ref('int_identity__keyset_endusers') }} as keysets
    on calls.keyset = keysets.keyset
where
    calls.is_in_scope
    -- the others are anonymous calls
    and (keysets.is_anonymous is not true or calls.anonymous_id is null)
union all
select
    {{ resolution_columns('anonymous_calls', 'keysets', 'anonymous_calls.linked_by_message_id', is_anonymous=true) }}
from {{ ref('int_identity__anonymous_calls') }} as anonymous_calls
inner join {{ ref('int_identity__keyset_endusers') }} as keysets
    on anonymous_calls.keyset = keysets.keyset
union all
-- by their own keysets, or those that they borrow, these are nowhere
select
    {{ resolution_columns('calls', 'keysets', 'placed_calls.linked_by_message_id') }}
from {{ ref('int_identity__placed_calls') }} as placed_calls
inner join {{ ref('int_identity__keyset_endusers') }} as keysets
    on placed_calls.keyset = keysets.keyset
inner join {{ ref('int_identity__calls') }} as calls
    on placed_calls.event_seq = calls.event_seq
union all
select
    {{ resolution_columns('calls') }}
from {{ ref('int_identity__calls') }} as calls
where not calls.is_in_scope
