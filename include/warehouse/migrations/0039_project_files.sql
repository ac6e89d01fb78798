-- What lets a build say which file of the dbt project has changed, and many builds a day be kept. May run before the new
-- code and beside the old one.

-- A row a state of the files of the dbt project: a hash of all that they hold, and of each what tables and tests are made
-- of, which takes a while to tell. States that differ in words alone have the same code_fingerprint.
create table sync.project_files (
    content_hash text primary key,
    code_fingerprint text not null,
    files jsonb not null,
    first_seen_at timestamptz not null default now()
);
create index project_files_of_code on sync.project_files (code_fingerprint);

-- Whose process ended before it did, looked for at the start of each.
create index builds_running on sync.builds (build_id) where status = 'running';
