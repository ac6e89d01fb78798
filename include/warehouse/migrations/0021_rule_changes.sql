-- An upgrade of the rules (docs/identity.md) moves history: shown first, and built when somebody has accepted it.
-- May run before the new code and beside the old one.

-- By which rules a build was made; 1: before they were numbered.
alter table sync.builds add column rules_version integer not null default 1;

-- One row an upgrade of a warehouse that had been built by older rules.
create table sync.rule_changes (
    rules_version integer primary key,
    -- what it would move, as include/rules.py shows it, and of which files of the dbt project
    shown jsonb,
    code_fingerprint text,
    shown_at timestamptz,
    told_at timestamptz,
    accepted_at timestamptz,
    accepted_by text
);
