-- What is changed or left out of calls before they are stored. New tables, and columns with constant defaults: may run
-- before the new code and beside the old one, which knows no rules, and takes no time.

-- One row a rule, never changed but to end it: so all that was ever in force is here, with who and when.
create table sync.field_rules (
    rule_id integer generated always as identity primary key,
    -- of which source and type of call; null: of all
    source text,
    type text,
    -- path: what stands at `path`; the others are places and shapes that the collector knows
    what text not null check (what in ('path', 'ip', 'user_agent', 'card_numbers', 'secrets')),
    path text check ((what = 'path') = (coalesce(path, '') <> '')),
    action text not null check (action in ('drop', 'hash', 'truncate', 'allow', 'redact')),
    -- truncate, of a path: characters that stay
    length integer check (length > 0),
    -- allow: members that stay, one a line
    allowed text,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    lifted_at timestamptz,
    lifted_by text,
    check (
        case what
            when 'path' then action <> 'redact'
            when 'ip' then action in ('drop', 'truncate')
            when 'user_agent' then action in ('drop', 'truncate')
            else action = 'redact'
        end
    )
);
-- one rule a place at a time
create unique index field_rules_in_force on sync.field_rules (what, coalesce(path, ''), coalesce(source, ''), coalesce(type, ''))
where lifted_at is null;

-- What rules did: calls that each has changed, in the hour in whose books they are. Rule 0: calls that could not be
-- read, of which no text was kept, because no rule could be followed in it.
create table raw_segment.field_rule_hours (
    source text not null,
    hour timestamptz not null,
    rule_id integer not null,
    calls bigint not null default 0,
    primary key (source, hour, rule_id)
);

-- By which rules a call was changed, '3,17'; none: ''. A text, because that is the narrowest: a byte where there is
-- nothing, and nothing of a null that would widen the head of every row.
alter table raw_segment.events add column field_rules text not null default '';
alter table raw_segment.quarantine add column field_rules text not null default '';
