-- What is asked of others for people who are forgotten: removal at Segment, deletion in Planhat. A new table, and columns
-- with constant defaults: may run before the new code and beside the old one, and takes no time.

create table sync.removals (
    removal_id bigint generated always as identity primary key,
    forgetting_id bigint not null references sync.forgettings (forgetting_id) on delete cascade,
    system text not null check (system in ('segment', 'planhat')),
    -- what it is called there; null as soon as the other side has answered for it
    subject text,
    -- Segment's: SUPPRESS_WITH_DELETE or DELETE_ONLY
    kind text,
    state text not null default 'waits' check (
        -- asked: sent, and no answer is known; accepted: Segment works on it; the others are ends
        state in ('waits', 'asked', 'accepted', 'done', 'not_there', 'refused')
    ),
    -- of one request: those that were asked for together
    batch uuid,
    asked_at timestamptz,
    answered_at timestamptz,
    -- Segment's id of the regulation, and its status there
    regulation_id text,
    status text,
    -- why it is refused, or what stopped it last; it names nobody
    detail text
);
create index removals_open on sync.removals (system, state, removal_id) where state in ('waits', 'asked', 'accepted');
create index removals_of_a_forgetting on sync.removals (forgetting_id);

alter table sync.forget_requests
    add column at_segment boolean not null default false,
    add column in_planhat boolean not null default false;
