-- What `make planhat CHECK=1` found out about a tenant: which limits, permissions and shapes it has. A new
-- table: may run before the new code and beside the old one.

create table raw_planhat.tenants (
    -- host and a hash of the tenant's token, or of the token
    tenant text primary key,
    checked_at timestamptz not null default now(),
    -- see include/planhat/api/findings.py
    findings jsonb not null
);
