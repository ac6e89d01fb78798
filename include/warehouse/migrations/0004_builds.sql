-- dbt builds: what each saw, with which settings, and what became of it.
create table sync.builds (
    build_id bigint generated always as identity primary key,
    requested_by text not null,
    as_of_date date not null,
    is_full boolean not null default false,
    -- the commits that were new to this build: visible in `window_to`, not in `window_from`
    window_from pg_snapshot,
    window_to pg_snapshot not null,
    -- the settings as they were at the start, and a fingerprint of the models' files
    settings jsonb not null,
    code_fingerprint text not null,
    status text not null default 'running'
        check (status in ('running', 'success', 'failed', 'interrupted')),
    reason text,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    -- [{"node": …, "status": …, "seconds": …, "rows": …, "message": …}]
    nodes jsonb
);
