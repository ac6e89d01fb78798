-- Reading Planhat's API: what a read that was interrupted goes on from, and what Planhat said of objects
-- that it does not list. New tables and one threshold: may run before the new code and beside the old one.

create table raw_planhat.api_reads (
    api_read_id bigint generated always as identity primary key,
    -- host and a hash of the tenant's token, or of the token
    tenant text not null,
    started_at timestamptz not null default now(),
    -- null: under way, or interrupted
    finished_at timestamptz,
    -- the models that are written
    done text[] not null default '{}'
);

-- The pages of the read under way, as they came, until their model is written. After a crash of the server they
-- are gone, and their models are read anew.
create unlogged table raw_planhat.api_pages (
    api_read_id bigint not null,
    model text not null,
    -- empty, or what was asked for besides (archived, isArchived)
    pass text not null,
    page integer not null,
    -- a JSON array of what was new in it; null: the pass has ended
    rows bytea,
    ids text[] not null default '{}',
    -- how to go on: see include/planhat/api/pages.py
    position jsonb not null,
    primary key (api_read_id, model, pass, page)
);
-- read once, soon after: not worth the time to compress
alter table raw_planhat.api_pages alter column rows set storage external;

-- Objects that a list did not have although Planhat has them (archived ones, say).
create table raw_planhat.unlisted (
    model text not null,
    planhat_id text not null,
    -- when Planhat last answered for it
    seen_at timestamptz not null default now(),
    primary key (model, planhat_id)
);

insert into sync.thresholds (threshold, value, unit, meaning)
values (
    'read_guard_confirmed', 200, 'objects',
    'of a model that the API lists no more, ask for so many at each read whether they are gone'
);
