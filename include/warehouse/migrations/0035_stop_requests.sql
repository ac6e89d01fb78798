-- Pushes that somebody asked to stop before they had a run: while Airflow waits, or the warehouse is built. May run before
-- the new code and beside the old one, which does not look.

create table sync.stop_requests (
    -- as in sync.runs: the id of the DAG run
    owner text primary key check (length(owner) <= 500),
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp()
);
