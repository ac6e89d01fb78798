-- Objects of which Planhat has said that they changed: they are read one by one, soon. A new table, and
-- bounds of what the two before are found by (as 0016): may run before the new code and beside the old one.

create table raw_planhat.changed (
    model text not null,
    planhat_id text not null check (length(planhat_id) <= 24),
    -- created, updated, deleted, as the automation says; nothing depends on it
    event text,
    -- of the collector, whose key was used
    source text not null,
    -- the last time that it was said
    marked_at timestamptz not null default clock_timestamp(),
    primary key (model, planhat_id)
);

alter table raw_planhat.api_pages add constraint a_pass_is_short check (length(pass) <= 100) not valid;
alter table raw_planhat.unlisted add constraint an_id_is_short check (length(planhat_id) <= 24) not valid;
alter table raw_planhat.tenants add constraint a_tenant_is_short check (length(tenant) <= 500) not valid;
