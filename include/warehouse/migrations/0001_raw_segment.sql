-- Where Segment calls land, exactly as they came.

create schema raw_segment;

create table raw_segment.sources (
    source text primary key,
    -- product: its events are usage; planhat: what we pushed ourselves, coming back as receipts
    kind text not null default 'product' check (kind in ('product', 'planhat')),
    -- off: its keys answer 401
    is_enabled boolean not null default true,
    -- signs the deliveries of Segment's webhook; null: deliveries need no signature. Kept as it
    -- is, because a signature can only be checked with the secret itself.
    webhook_secret text,
    -- calls a second, all workers of a collector together; null: no limit
    calls_per_second integer check (calls_per_second > 0),
    created_at timestamptz not null default now()
);

create table raw_segment.source_keys (
    -- sha-256 of the key: the key itself is kept nowhere
    key_hash bytea primary key,
    kind text not null default 'write_key' check (kind in ('write_key', 'tenant_token')),
    source text not null references raw_segment.sources,
    valid_from timestamptz not null default now(),
    -- null: for ever; a rotated key keeps working until then
    valid_to timestamptz
);

-- One row a commit. Which commits a build has seen is told by snapshots over this small table,
-- not by numbers: numbers are handed out before commit and a lower one may appear later.
create table raw_segment.loads (
    load_id bigint generated always as identity primary key,
    transaction_id xid8 not null default pg_current_xact_id(),
    loaded_at timestamptz not null default now(),
    -- The writer's own mark of a group of calls, kept with the group in the spool: after a lost
    -- connection or a crash it tells whether the group has landed, and a second landing of it fails.
    -- One a commit, not one a call, and in the order of time: the index costs next to nothing.
    token uuid unique
);

create table raw_segment.events (
    event_seq bigint generated always as identity,
    message_id text not null,
    source text not null,
    type text not null,
    -- stamped once, when the event first became durable (table or spool)
    received_at timestamptz not null,
    payload jsonb not null,
    load_id bigint not null,
    -- 16 bytes instead of up to 100 characters: half the index, and faster to append to
    message_key uuid not null generated always as (md5(message_id)::uuid) stored
);

create unique index events_message_key on raw_segment.events (message_key);
create index events_load_id on raw_segment.events using brin (load_id);

-- The books, per source and hour: received = landed + duplicates + quarantined + spooled.
create table raw_segment.intake (
    source text not null,
    hour timestamptz not null,
    received bigint not null default 0,
    landed bigint not null default 0,
    duplicates bigint not null default 0,
    quarantined bigint not null default 0,
    spooled bigint not null default 0,
    -- of the duplicates, those that say something else than the call that stands
    differing bigint not null default 0,
    primary key (source, hour)
);

-- How many calls, by source and hour, differ from the landed call with their message id in more
-- than when they were sent. Volatile, so that it sees what its own statement has just landed and
-- what others committed meanwhile. `landed`: ids that are compared with nothing, because they are
-- what has landed, unless they are among `repeated`: ids that came more than once.
create function raw_segment.differing(
    message_ids text[], sources text[], received_ats timestamptz[], payloads text[],
    landed text[], repeated text[]
) returns table (source text, hour timestamptz, calls bigint)
language plpgsql volatile as $$
begin
    return query
    select c.source, date_trunc('hour', c.received_at, 'UTC'), count(*)
    from
        unnest(message_ids, sources, received_ats, payloads)
            as c (message_id, source, received_at, payload)
        join raw_segment.events as e on e.message_key = md5(c.message_id)::uuid
    where
        (c.message_id <> all (landed) or c.message_id = any (repeated))
        and e.payload - 'sentAt' is distinct from c.payload::jsonb - 'sentAt'
    group by 1, 2;
end
$$;

create table raw_segment.quarantine (
    quarantine_id bigint generated always as identity primary key,
    received_at timestamptz not null default now(),
    source text not null,
    reason text not null,
    detail text,
    -- text, not jsonb: what is here may be no JSON at all
    payload text not null,
    -- what the request said for all its calls (type of the route, sentAt, context), for a replay
    envelope text,
    -- when a replay landed it; null: still here
    replayed_at timestamptz
);
