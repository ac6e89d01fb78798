-- Whom calls are not about, under which other keys companies and objects are found, how long a link
-- holds: settings and facts of docs/identity.md. May run before the new code and beside the old one; the
-- tables are small, and raw_planhat.objects is not rewritten.

-- Which key a row is for, and whether it is a value, a pattern in which * stands for anything, or the
-- domain of an e-mail.
alter table sync.blocked_identities
    add column key text not null default 'all'
        check (key in ('all', 'user_id', 'email', 'anonymous_id', 'company', 'object')),
    add column kind text not null default 'value' check (kind in ('value', 'pattern', 'domain')),
    drop constraint blocked_identities_pkey,
    add primary key (value, key, kind),
    -- as all of them did that were there before
    add constraint a_pattern_must_say_more_than_anything
        check (kind <> 'pattern' or value ~ '[^*[:space:]]'),
    add constraint a_domain_is_what_follows_the_at_sign
        check (kind <> 'domain' or value ~ '^[^@*[:space:]]+$'),
    add constraint only_user_ids_and_emails_have_a_domain
        check (kind <> 'domain' or key in ('all', 'user_id', 'email'));

-- One's own staff: every call of a user with such an e-mail counts for nobody.
create table sync.excluded (
    kind text not null check (kind in ('email', 'domain')),
    value text not null,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (kind, value),
    constraint an_email_has_an_at_sign
        check (kind <> 'email' or value ~ '^\s*[^@[:space:]]+@[^@[:space:]]+\s*$'),
    constraint a_domain_is_what_follows_the_at_sign
        check (kind <> 'domain' or value ~ '^[^@*[:space:]]+$')
);

-- A further key of a company, for merges: the key as calls send it, the company's _id in Planhat.
create table sync.company_aliases (
    alias text primary key check (btrim(alias) <> ''),
    planhat_id text not null check (planhat_id ~ '^[0-9a-f]{24}$'),
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    constraint an_alias_leads_to_another check (alias <> planhat_id)
);

-- One step from a key to a company, never from alias to alias, let alone in a circle.
create function sync.refuse_chain_of_aliases() returns trigger language plpgsql as $$
begin
    if exists (
        select from sync.company_aliases
        where alias = new.planhat_id or planhat_id = new.alias
    ) then
        raise exception 'the alias % leads to %, which is an alias too: an alias is one step', new.alias, new.planhat_id
            using errcode = 'check_violation', constraint = 'an_alias_is_one_step';
    end if;
    return new;
end
$$;
create trigger an_alias_is_one_step before insert or update on sync.company_aliases
for each row execute function sync.refuse_chain_of_aliases();

-- Two switches more; a row may begin in the past, then it counts from there. `changed_at`: when it was
-- written, which is not when it begins.
alter table sync.switches
    drop constraint switches_switch_check,
    add constraint switches_switch_check check (
        switch in (
            'user_tracking', 'company_metrics', 'auto_create',
            -- calls of a bot's user agent are blocked
            'block_bots',
            -- calls that know a person by an e-mail among their properties alone may create
            'create_by_property_email'
        )
    ),
    add column changed_at timestamptz not null default now();
insert into sync.switches (switch, is_on, valid_from)
values
    ('block_bots', false, '-infinity'),
    ('create_by_property_email', true, '-infinity');

-- E-mails that say something of the one call that carries them, and of nothing else.
alter table sync.key_names
    drop constraint key_names_key_check,
    add constraint key_names_key_check
        check (key in ('user_id', 'email', 'property_email', 'anonymous_id', 'company'));

-- null: never
alter table sync.thresholds
    alter column value drop not null,
    add constraint a_value_or_never
        check (value is not null or threshold = 'link_expires_days'),
    add constraint links_live_some_time
        check (threshold <> 'link_expires_days' or value > 0);
insert into sync.thresholds (threshold, value, unit, meaning)
values
    (
        'link_expires_days', null, 'days',
        'a link of an anonymous id says nothing of calls that happen later than so many days after it; null: it never expires'
    );

-- Keys that objects had: written when a read finds another external id, or none, on an object.
create table raw_planhat.former_keys (
    model text not null,
    -- _id of the company within which it was the key; '' of a company
    company text not null default '',
    planhat_id text not null,
    external_id text not null,
    -- the last read that found it on the object
    last_read_id bigint not null,
    primary key (model, company, external_id, planhat_id)
);

-- True: the enduser is there because we sent it, and a read found the company, external id and e-mail that were
-- sent. A read that finds others takes it back.
alter table raw_planhat.objects add column made_by_us boolean not null default false;
