-- What the endusers did is what their companies did, and what the calls say: nothing lost or doubled.
with usage_daily as (

    select * from {{ ref('usage_daily') }}

),

calls as (

    select * from {{ ref('int_usage__calls') }}

),

totals as (

    select
        (
            select coalesce(sum(usage_daily.activities), 0) from usage_daily
            where usage_daily.object_type = 'enduser'
        ) as of_endusers,
        (
            select coalesce(sum(usage_daily.activities), 0) from usage_daily
            where usage_daily.object_type = 'company'
        ) as of_companies,
        (select count(*) from calls where not calls.is_unattributed) as of_calls,
        (
            select coalesce(sum(usage_daily.unattributed), 0) from usage_daily
            where usage_daily.object_type = 'company'
        ) as unattributed,
        (select count(*) from calls where calls.is_unattributed) as unattributed_calls
)

select *
from totals
where
    of_endusers <> of_calls
    or of_companies <> of_calls
    or unattributed <> unattributed_calls
