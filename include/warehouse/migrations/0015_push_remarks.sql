-- What a plan says besides its counts, where pushes go, resyncs that are taken back, and the groups
-- that companies had before. Before the new code or after it: the old code reads none of this.

-- One line each: the last build failed, a resync goes on, nothing was ever sent there, …
alter table sync.runs add column remarks text[] not null default '{}';

-- The destinations by their name in the ledger, as a person knows them: never the whole key.
create table sync.destinations (
    destination text primary key,
    -- https://api.segment.io
    address text not null,
    -- the write key's last four characters; null for a key too short to show any of it
    key_end text,
    first_asked_at timestamptz not null default now()
);

-- Taken back: nothing is due because of it any more. Complete: everything was sent in it.
alter table sync.resyncs add column taken_back_by text;
alter table sync.resyncs add column taken_back_at timestamptz;
alter table sync.resyncs add column completed_at timestamptz;

-- A company whose external id changes is a new group in Segment. The old one is an object of its own
-- from then on: `<object> was <group id>`, which no outbound table has, so that it is said as
-- removed like any other; this names the object that it belonged to.
alter table sync.objects add column former_of text;
create index objects_former on sync.objects (destination, model) where former_of is not null;

insert into sync.thresholds (threshold, value, unit, meaning)
values
    (
        'push_removes_former_groups', 1, 'switch',
        'say the old group of a company as removed when its external id changes; 0: do not'
    );
