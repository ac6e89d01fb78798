-- Planhat's objects as they were last read, and the log of the reads.

create schema raw_planhat;

-- One row a model and read. `transaction_id` tells a build, by snapshots, which reads are new to it.
create table raw_planhat.reads (
    read_id bigint generated always as identity primary key,
    transaction_id xid8 not null default pg_current_xact_id(),
    model text not null,
    -- the file's name, or the API's path
    origin text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz not null default clock_timestamp(),
    considered bigint not null,
    added bigint not null,
    changed bigint not null,
    unchanged bigint not null,
    -- in Planhat before, and not in this read
    deleted bigint not null,
    rejected bigint not null
);

create table raw_planhat.objects (
    model text not null,
    planhat_id text not null,
    payload jsonb not null,
    first_read_at timestamptz not null default now(),
    -- when the content last differed from the read before, deletion and return included
    changed_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (model, planhat_id)
);

create table raw_planhat.rejects (
    reject_id bigint generated always as identity primary key,
    rejected_at timestamptz not null default now(),
    file text not null,
    line bigint,
    reason text not null,
    text text not null
);
