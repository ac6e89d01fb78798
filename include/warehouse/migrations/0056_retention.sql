-- How long calls are kept as they came. Columns with constant defaults, new tables, and a function: takes no time, and may
-- run before the new code and beside the old one.

alter table raw_segment.events
    -- '': as it came. keys: what identifies it and what is counted of it. days: the same, and between the first and the
    -- last of a day that are alike, one stands for all. No null, which would widen the head of every row
    add column kept_as text not null default '' check (kept_as in ('', 'keys', 'days'));

alter table raw_segment.intake
    -- of the landed calls, those that stand in another hour since single calls of a day are not told apart
    add column moved bigint not null default 0;

-- For how many months, by source and type; *: all. The rule that says most of a call is the one that counts.
create table sync.retention (
    source text not null default '*' check (length(source) <= 80),
    type text not null default '*' check (length(type) <= 100),
    -- whole payloads; null: for good
    payloads_months integer check (payloads_months between 0 and 1200),
    -- single calls; null: for good
    calls_months integer check (calls_months between 0 and 1200),
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (source, type),
    constraint payloads_are_of_calls check (calls_months >= payloads_months)
);

-- What was done, and by which rules up to which month: there is nothing to do before one of them differs.
create table sync.retention_runs (
    retention_run_id bigint generated always as identity primary key,
    requested_by text not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    due jsonb not null,
    payloads bigint not null default 0,
    calls bigint not null default 0,
    quarantined bigint not null default 0
);

-- What is not kept as it came cannot be compared with.
create or replace function raw_segment.differing(
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
        and e.kept_as = ''
        and e.payload - '{sentAt,sent_at}'::text[]
        is distinct from c.payload::jsonb - '{sentAt,sent_at}'::text[]
    group by 1, 2;
end
$$;
