-- Which models of dbt_project/models/planhat a push to Segment that names none sends. Without a row: as the model's
-- YAML says (`on_by_default`).
create table sync.segment_outbound (
    model text primary key,
    is_active boolean not null,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now()
);
