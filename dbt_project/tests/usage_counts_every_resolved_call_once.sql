-- What the companies' people did is what the calls say, and what is shown of companies is what is shown of their
-- endusers: nothing lost or doubled. In a build that looked at changes, the changes alone.
{%- set only_changes = looked_at_changes([
    'int_quality__outcome_days', 'int_usage__object_enduser_days', 'int_usage__object_event_days',
]) %}
{%- set build_id = this_build().build_id %}

with outcomes as (

    {%- if only_changes %}
    select
        journal_sign * events_with_company as calls,
        outcome
    from {{ whole_journal(ref('int_quality__outcome_days')) }}
    where journal_build = {{ build_id }}
    {%- else %}
    select
        events_with_company as calls,
        outcome
    from {{ ref('int_quality__outcome_days') }}
    where true
    {%- endif %}
        and type in ('track', 'page', 'screen')

),

enduser_days as (

    {%- if only_changes %}
    select
        journal_sign as sign,
        enduser_id,
        calls
    from {{ whole_journal(ref('int_usage__object_enduser_days')) }}
    where journal_build = {{ build_id }} and object_type = 'company'
    {%- else %}
    select
        1 as sign,
        enduser_id,
        calls
    from {{ ref('int_usage__object_enduser_days') }}
    where object_type = 'company'
    {%- endif %}

),

event_days as (

    {%- if only_changes %}
    select
        journal_sign as sign,
        calls,
        unattributed
    from {{ whole_journal(ref('int_usage__object_event_days')) }}
    where journal_build = {{ build_id }} and object_type = 'company'
    {%- else %}
    select
        1 as sign,
        calls,
        unattributed
    from {{ ref('int_usage__object_event_days') }}
    where object_type = 'company'
    {%- endif %}

),

-- calls of people who were forgotten are none any more, and still count for their companies
kept as (

    select coalesce(sum(calls), 0) as calls from {{ ref('stg_segment__kept_usage') }}
    where object_type = 'company' and not {{ only_changes }}

),

totals as (

    select
        (select coalesce(sum(outcomes.calls), 0) from outcomes where outcomes.outcome = 'resolved')
        + (select kept.calls from kept) as of_calls,
        (select coalesce(sum(outcomes.calls), 0) from outcomes where outcomes.outcome <> 'resolved')
            as unattributed_calls,
        (
            select coalesce(sum(enduser_days.sign * enduser_days.calls), 0) from enduser_days
            where enduser_days.enduser_id <> ''
        ) as of_endusers,
        (select coalesce(sum(event_days.sign * event_days.calls), 0) from event_days) as of_companies,
        (select coalesce(sum(event_days.sign * event_days.unattributed), 0) from event_days) as unattributed
)

select *
from totals
where
    of_endusers <> of_calls
    or of_companies <> of_calls
    or unattributed <> unattributed_calls
