-- Planhat as a destination beside Segment: the same runs, plans and ledger.

alter table sync.destinations
    add column kind text not null default 'segment'
        constraint a_known_kind check (kind in ('segment', 'planhat'));

-- Nothing is said as removed there.
alter table sync.pushed_models alter column removed_event drop not null;

-- Beside what is unchanged, added, changed or invalid: what a rule keeps from its destination, and what was sent,
-- has no known outcome, and may not be sent again by itself.
alter table sync.run_models
    add column withheld bigint not null default 0,
    add column waiting bigint not null default 0;

-- What a plan left out, each object with its reason. Of the last runs only, as sync.planned.
create table sync.left_out (
    run_id bigint not null references sync.runs on delete cascade,
    model text not null,
    object_id text not null,
    code text not null,
    message text not null,
    is_waiting bool not null,
    payload jsonb
);

create index left_out_run on sync.left_out (run_id, model);

-- What a person said of an object whose outcome nobody knew.
create table sync.outcome_answers (
    destination text not null,
    model text not null,
    object_id text not null,
    answer text not null constraint a_known_answer check (answer in ('arrived', 'again')),
    answered_by text not null,
    answered_at timestamptz not null default now()
);

alter table sync.objects
    -- what the destination has instead of what it acknowledged, as it was last read back
    add column stored_otherwise jsonb;

-- What goes to Planhat: a row a model of dbt_project/models/to_planhat. Activities are sent from the day `since` on,
-- which the first push writes: what another integration sent before is not doubled.
create table sync.planhat_outbound (
    model text primary key,
    is_active bool not null default true,
    since date,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now()
);

insert into sync.planhat_outbound (model) values ('enduser'), ('metric'), ('activity');

-- Which usage measures become Planhat's metrics, beside the declared metrics of companies.
create table sync.planhat_measures (
    measure text not null constraint a_known_measure check (measure in ('activities', 'weight', 'endusers')),
    object_type text not null
        constraint a_known_object_type check (object_type in ('company', 'enduser', 'asset', 'project')),
    -- Planhat's id of the metric: without spaces
    dimension text not null constraint a_dimension check (length(dimension) <= 200 and dimension ~ '^[^[:space:]]+$'),
    aggregation text not null default 'LAST' constraint an_aggregation check (aggregation in ('SUM', 'LAST')),
    -- days before it are not sent
    since date,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (measure, object_type),
    constraint a_dimension_of_its_own unique (object_type, dimension),
    constraint endusers_are_counted_of_others check (measure <> 'endusers' or object_type <> 'enduser')
);

insert into sync.thresholds (threshold, value, unit, meaning) values
(
    'push_guard_added_endusers', 500, 'endusers',
    'hold a push to Planhat that would make more endusers than this'
),
(
    'planhat_settles_after', 60, 'minutes',
    'what a sink of Planhat was given, and cannot be read back so long after, did not arrive'
);

do $$
declare
    setting text;
begin
    foreach setting in array array['planhat_outbound', 'planhat_measures'] loop
        execute format(
            'create trigger changes_are_counted after insert or update or delete on sync.%I'
            ' for each row execute function sync.count_setting_change()', setting
        );
        execute format(
            'create trigger emptying_is_counted after truncate on sync.%I'
            ' for each statement execute function sync.count_setting_change()', setting
        );
    end loop;
end
$$;
