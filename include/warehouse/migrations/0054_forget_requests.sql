-- Who was asked to be forgotten, on the page or by a `delete` call, and waits for it. A new table, and an index of few
-- rows whose making reads the calls once (10 M: some seconds, in which collectors spool): may run before the new code.

create table sync.forget_requests (
    request_id bigint generated always as identity primary key,
    -- the id, as it was asked for; null as soon as nothing is to be done any more
    asked text,
    -- a keyed hash of who was meant when somebody looked; null: nobody looked
    meant text,
    origin text not null check (origin in ('page', 'delete_call')),
    -- of a `delete` call: which one, from where, and when it was received
    event_seq bigint unique,
    source text,
    received_at timestamptz,
    requested_by text not null,
    reason text not null default '',
    requested_at timestamptz not null default clock_timestamp(),
    -- store nothing of what still comes of them
    suppresses boolean not null default false,
    -- why it is not done: nobody knows whom the id means
    refused text,
    -- what is being done for it
    forgetting_id bigint references sync.forgettings (forgetting_id) on delete set null,
    finished_at timestamptz,
    -- who said that nothing is to be done
    dismissed_by text
);
create index forget_requests_waiting on sync.forget_requests (request_id) where finished_at is null;

create index events_of_deletion on raw_segment.events (event_seq) where type = 'delete';

alter table sync.forgettings
    -- while it is being done: where it is, and what stopped it last
    add column step text,
    add column stopped_by text;
