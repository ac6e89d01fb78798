-- The push: who may run, what a run intends, what left, what was acknowledged, what failed.

-- Runs

create table sync.runs (
    run_id bigint generated always as identity primary key,
    -- host and a hash of the write key
    destination text not null,
    trigger text not null check (trigger in ('schedule', 'button', 'command', 'api')),
    requested_by text not null,
    -- names the claim: the same owner asking again (a task that is run again) gets the same run
    owner text,
    status text not null check (
        status in (
            'queued', 'running', 'success', 'partial', 'failed', 'timed_out', 'cancelled', 'held',
            'dry_run'
        )
    ),
    reason text,
    -- null: all of them
    models text[],
    object_limit integer check (object_limit > 0),
    is_full boolean not null default false,
    is_dry boolean not null default false,
    -- settings that the plan was made with, so that whoever delivers builds the same messages
    plan_settings jsonb,
    started_at timestamptz not null default clock_timestamp(),
    -- the timestamp of every message of the run
    planned_at timestamptz,
    finished_at timestamptz,
    -- bridges the gaps between the tasks of a DAG; whoever sends also holds an advisory lock
    lease_until timestamptz not null default clock_timestamp(),
    cancel_requested_by text,
    cancel_requested_at timestamptz
);

create unique index runs_active on sync.runs (destination) where status in ('queued', 'running');
create index runs_started on sync.runs (destination, started_at);

-- considered = unchanged + added + changed + invalid
-- added + changed + removed + invalid = synced + errors + held + not_sent
create table sync.run_models (
    run_id bigint not null references sync.runs on delete cascade,
    model text not null,
    -- rows of the outbound table
    considered bigint not null default 0,
    unchanged bigint not null default 0,
    added bigint not null default 0,
    changed bigint not null default 0,
    removed bigint not null default 0,
    -- not sendable; also counted as errors
    invalid bigint not null default 0,
    -- of `changed`: the same value once more (full resync, or an outcome that stayed unknown)
    repeated bigint not null default 0,
    held bigint not null default 0,
    not_sent bigint not null default 0,
    synced bigint not null default 0,
    errors bigint not null default 0,
    -- the first so many rows of sync.planned are sent; the rest is held, or beyond the limit
    to_send bigint not null default 0,
    -- the same for two plans that would send the same messages
    plan_fingerprint text,
    -- held, and somebody has answered for it
    is_answered boolean not null default false,
    -- why it was held, or why sending stopped before the end
    reason text,
    planned_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, model)
);

create table sync.run_errors (
    run_error_id bigint generated always as identity primary key,
    run_id bigint not null references sync.runs on delete cascade,
    destination text not null,
    model text not null,
    -- null only for rows without a key
    object_id text,
    code text not null,
    message text not null,
    payload jsonb,
    -- over the runs since the object last succeeded, this one included
    attempts integer not null default 1,
    failed_at timestamptz not null default clock_timestamp(),
    first_failed_at timestamptz not null default clock_timestamp(),
    resolved_at timestamptz
);

create index run_errors_run on sync.run_errors (run_id, model);
create index run_errors_open on sync.run_errors (destination, model, object_id)
where resolved_at is null;

-- What a run intends, exactly; numbered per model so that a batch, and a part of a model that
-- another worker sends, is a range. Kept until the next run opens.
create table sync.planned (
    run_id bigint not null,
    model text not null,
    position bigint not null,
    object_id text not null,
    action text not null check (action in ('added', 'changed', 'removed')),
    call text not null,
    event text,
    user_id text,
    anonymous_id text,
    group_id text,
    payload jsonb not null,
    fingerprint text not null,
    row_hash bigint,
    version bigint not null,
    generation integer not null,
    message_id text not null,
    primary key (run_id, model, position)
);

-- A batch is committed here as `sent` before it leaves: its objects' outcome is unknown from then
-- until the row says otherwise. One row instead of one update per object; when nobody is left to
-- say otherwise, the outcome is written to the objects themselves (sent_* in sync.objects).
create table sync.batches (
    run_id bigint not null references sync.runs on delete cascade,
    model text not null,
    first_position bigint not null,
    last_position bigint not null,
    status text not null default 'sent'
        check (status in ('sent', 'acknowledged', 'refused', 'unknown')),
    synced integer not null default 0,
    errors integer not null default 0,
    sent_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    primary key (run_id, model, first_position)
);

-- The ledger: what each destination has acknowledged, per object

create table sync.objects (
    destination text not null,
    model text not null,
    object_id text not null,
    -- a hash of the outbound row, for telling the unchanged ones quickly; null: look closely
    row_hash bigint,
    -- the traits or properties as acknowledged, typed; null: never acknowledged
    payload jsonb,
    fingerprint text,
    version bigint not null default 0,
    generation integer not null default 0,
    message_id text,
    -- who the object is in Segment: decided at its first message, for good
    user_id text,
    anonymous_id text,
    first_acknowledged_at timestamptz,
    acknowledged_at timestamptz,
    -- sent, and nobody knows whether it arrived: planned again whatever the value is now
    sent_payload jsonb,
    sent_fingerprint text,
    sent_version bigint,
    sent_generation integer,
    sent_message_id text,
    sent_is_removal boolean,
    sent_at timestamptz,
    -- its removal was acknowledged; the row and its version stay, so that a return is seen
    removed_at timestamptz,
    -- the acknowledged message came back through the collector
    seen_back_at timestamptz,
    primary key (destination, model, object_id)
);

create index objects_user_id on sync.objects (destination, model, user_id)
where user_id is not null;

-- Full resyncs: objects below their model's generation are due, whatever their value.
create table sync.resyncs (
    destination text not null,
    model text not null,
    generation integer not null,
    requested_by text not null,
    requested_at timestamptz not null default now(),
    primary key (destination, model, generation)
);

-- The type each column had when it was first sent: in a customer's warehouse it is fixed by then.
create table sync.column_types (
    destination text not null,
    model text not null,
    -- dots descend into objects: custom.Seats
    path text not null,
    kind text not null,
    since timestamptz not null default now(),
    primary key (destination, model, path)
);

-- What was once sent and is gone now is said as null: Segment keeps the last value otherwise.
-- A null stays in the payload from then on. One level of nesting, as `custom` has.
create function sync.with_cleared(before jsonb, after jsonb) returns jsonb
language sql immutable parallel safe
as $$
    select after || coalesce(
        jsonb_object_agg(
            key,
            case
                when jsonb_typeof(value) = 'object' then (
                    select coalesce(jsonb_object_agg(inner_key, null::jsonb), '{}')
                    from jsonb_object_keys(value) as inner_key
                ) || case jsonb_typeof(after -> key) when 'object' then after -> key else '{}' end
            end
        ),
        '{}'
    )
    from jsonb_each(before)
    where
        not after ? key
        or (
            jsonb_typeof(value) = 'object'
            and jsonb_typeof(after -> key) in ('object', 'null')
        )
$$;

-- At most 100 characters, which is all that Segment keeps. Version and generation are part of it:
-- Segment drops a message id that it has seen, and A -> B -> A must not be dropped.
create function sync.message_id(
    environment text, model text, object_id text, version bigint, generation integer,
    fingerprint text
) returns text
language sql immutable parallel safe
as $$
    select
        'planhat-' || case
            when length(environment) + length(model) + length(object_id) <= 52
                then environment || '-' || model || '-' || object_id
            else md5(environment || '-' || model || '-' || object_id)
        end || '-' || version || '.' || generation || '-' || left(fingerprint, 12)
$$;

-- From when on each destination may be sent to: the rate limit that all workers share.
create table sync.pace (
    destination text primary key,
    free_at timestamptz not null
);

-- Models whose vanished objects are left as they are: no Removed event.
create table sync.ignored_removals (
    model text primary key,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now()
);

-- A model's own limit instead of the one in sync.thresholds.
create table sync.guards (
    model text not null,
    guard text not null,
    value numeric not null check (value >= 0),
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (model, guard)
);

-- What operators said about held plans; valid for exactly that plan.
create table sync.plan_answers (
    destination text not null,
    model text not null,
    plan_fingerprint text not null,
    answer text not null check (answer in ('all', 'safe', 'none')),
    answered_by text not null,
    answered_at timestamptz not null default now(),
    primary key (destination, model, plan_fingerprint)
);

-- What an alert said last of each destination: the next one is for another state.
create table sync.told_states (
    destination text primary key,
    -- well, or a run's status
    state text not null default 'well',
    run_id bigint,
    told_at timestamptz
);

-- What was ever pushed, for models whose file is gone.
create table sync.pushed_models (
    destination text not null,
    model text not null,
    removed_event text not null,
    last_planned_at timestamptz not null default now(),
    primary key (destination, model)
);

insert into sync.thresholds (threshold, value, unit, meaning)
values
    ('push_rate_limit', 1000, 'events/s', 'Segment takes so many from a workspace; 0: no limit'),
    ('push_connections', 4, 'connections', 'batches on their way at the same time, a process'),
    ('push_alert_errors', 1, 'objects', 'a run with fewer failed objects is no reason for an alert'),
    ('push_guard_removed_share', 0.25, 'share', 'hold a model that loses more of its objects'),
    ('push_guard_removed_from', 10, 'objects', 'but not for fewer removals than this'),
    ('push_guard_removed_number', 1000, 'objects', 'hold a model with more removals than this'),
    ('push_guard_changed_share', 0.75, 'share', 'hold a model with more of its objects changed'),
    ('push_guard_changed_from', 100, 'objects', 'but not for fewer changes than this'),
    ('push_guard_empty_source', 1, 'switch', 'hold a model whose table is suddenly empty; 0: off');
