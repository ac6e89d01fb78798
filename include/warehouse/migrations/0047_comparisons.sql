-- What `make compare` found: Planhat beside what is ours, over some days. A new table: may run before the new code
-- and beside the old one.

create table sync.comparisons (
    comparison_id bigint generated always as identity primary key,
    -- host and a hash of the tenant's token, or of the token
    tenant text not null,
    since date not null,
    until date not null,
    compared_at timestamptz not null,
    requested_by text not null,
    -- counts, reasons and examples: see include/compare/report.py. The last 50 of a tenant are kept.
    found jsonb not null
);
