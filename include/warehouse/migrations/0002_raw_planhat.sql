-- Planhat's objects as they were last read, and the log of the reads.

create schema raw_planhat;

-- One row a model and read. `transaction_id` tells a build, by snapshots, which reads are new to it.
create table raw_planhat.reads (
    read_id bigint generated always as identity primary key,
    transaction_id xid8 not null default pg_current_xact_id(),
    model text not null,
    -- the files' names, or the API's path
    origin text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz not null default clock_timestamp(),
    considered bigint not null,
    added bigint not null,
    changed bigint not null,
    -- deleted before, and in this read again
    returned bigint not null,
    unchanged bigint not null,
    -- in Planhat before, and not in this read
    deleted bigint not null,
    -- would have been deleted, but the read was not sure enough: see `reason`
    withheld bigint not null,
    rejected bigint not null,
    reason text,
    constraint reads_add_up check (considered = added + changed + returned + unchanged)
);

create table raw_planhat.objects (
    model text not null,
    planhat_id text not null,
    -- as it came, known fields typed; fields that move by themselves (updatedAt …) keep the value
    -- they had when the content last changed
    payload jsonb not null,
    first_read_at timestamptz not null default now(),
    -- when the content last differed from the read before, deletion and return included
    changed_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (model, planhat_id)
);

-- What could not be loaded at the last read of each file.
create table raw_planhat.rejects (
    reject_id bigint generated always as identity primary key,
    rejected_at timestamptz not null default now(),
    -- null: a file of no model
    model text,
    -- its name without the folder
    file text not null,
    -- null: the file as a whole
    line bigint,
    planhat_id text,
    code text not null,
    reason text not null,
    text text not null
);
create index rejects_file on raw_planhat.rejects (file, line);
