-- events = resolved + unresolved by reason: a landed call without either is lost. In a build that looked at
-- changes, the calls that it landed.
{%- set only_new = looked_at_changes(['stg_segment__calls', 'int_quality__outcome_days']) %}
{%- set build_id = this_build().build_id %}

with calls as (

    select event_seq from {{ ref('stg_segment__calls') }}
    {{ 'where build_id = ' ~ build_id if only_new }}

),

outcomes as (

    {%- if only_new %}
    select journal_sign * events as events
    from {{ whole_journal(ref('int_quality__outcome_days')) }}
    where journal_build = {{ build_id }}
    {%- else %}
    select events from {{ ref('int_quality__outcome_days') }}
    {%- endif %}

),

totals as (

    select
        (select count(*) from calls) as landed,
        (select coalesce(sum(outcomes.events), 0) from outcomes) as judged
)

select *
from totals
where landed <> judged
