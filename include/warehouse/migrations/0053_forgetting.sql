-- People who were forgotten: what is kept of their usage, and the receipts. New tables, and columns with constant
-- defaults: may run before the new code and beside the old one, and takes no time.

-- Daily sums of calls that are gone, so that companies keep their numbers. An id that was drawn at random, another one
-- each day: a day's people can be counted, and nobody can be followed or found.
create table raw_segment.kept_usage (
    object_type text not null,
    object_id text not null,
    enduser_id text not null check (length(enduser_id) <= 100),
    activity_date date not null,
    type text not null,
    event text not null,
    calls bigint not null check (calls > 0),
    last_event_at timestamptz
);
create index kept_usage_of_an_enduser on raw_segment.kept_usage (enduser_id);

alter table raw_segment.intake
    -- of the landed calls, those that are gone because their person was forgotten
    add column forgotten bigint not null default 0;

-- One row a person: what is being done, and then what was. Nobody is named: hashes by a key of this warehouse tell
-- whether an id is meant.
create table sync.forgettings (
    forgetting_id bigint generated always as identity primary key,
    -- an id of one's own choice, to refer to: what a person sees
    receipt text not null unique default 'forgotten-' || replace(gen_random_uuid()::text, '-', '')
        check (length(receipt) <= 100),
    requested_by text not null,
    reason text not null default '',
    -- forget, or again: after a backup was restored
    occasion text not null default 'forget',
    requested_at timestamptz not null default clock_timestamp(),
    -- keyed hashes of all ids by which the person was known
    hashes text[] not null,
    -- while it is being done: the ids themselves; null as soon as it is done
    identifiers jsonb,
    -- what is done, and what remains: a step's name and what it removed, by place
    done jsonb not null default '{}',
    finished_at timestamptz
);
create index forgettings_open on sync.forgettings (forgetting_id) where finished_at is null;
create index forgettings_hashes on sync.forgettings using gin (hashes);
