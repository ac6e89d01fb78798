-- People whose calls are answered and never stored. May run beside the code before, which stores them.

alter table raw_segment.intake
    -- calls of suppressed people: received = landed + duplicates + quarantined + spooled + turned_away
    add column turned_away bigint not null default 0;

-- How often the list was written. Whoever writes it has this row first, so a later version is a later commit, and what
-- a collector has not seen yet is what has a greater one.
create table sync.suppression (
    is_the_only_row boolean primary key default true check (is_the_only_row),
    version bigint not null default 0
);
insert into sync.suppression default values;

-- The list names nobody: an id is kept as sync.keyed_hash of its kind and its normal form (docs/privacy.md).
create table sync.suppressed (
    kind text not null check (kind in ('user_id', 'email', 'anonymous_id')),
    key_hash bytea not null check (length(key_hash) = 16),
    version bigint not null,
    suppressed_at timestamptz not null default now(),
    suppressed_by text not null default 'default',
    reason text not null default '',
    -- calls that happen from then on land again; null: none does
    lifted_from timestamptz,
    lifted_by text,
    primary key (key_hash, kind)
);
create index suppressed_by_version on sync.suppressed (version);
