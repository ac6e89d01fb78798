-- How far each incremental table has come: what keeps a repeated window from counting twice.

-- Written in the transaction that changes the table, so that neither is ever there without the other.
create table sync.model_marks (
    model text primary key,
    -- the build that it was last brought up to date by
    build_id bigint not null,
    -- the commits that it holds: those visible in this snapshot
    window_to pg_snapshot not null,
    -- a fingerprint of the settings that it depends on
    inputs text not null default '',
    -- create, compare or changes: what that build looked at (dbt_project/macros/increments.sql)
    mode text not null,
    -- the last build that made it without a journal: what is made from it has to look at all of it
    made_anew_in bigint not null,
    marked_at timestamptz not null default clock_timestamp()
);

-- Where the transaction numbers of a build's windows count: another cluster counts others.
alter table sync.builds add column cluster_id bigint;
-- why a build was made from scratch; null: it was not
alter table sync.builds add column full_because text;
