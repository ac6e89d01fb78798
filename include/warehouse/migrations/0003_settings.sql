-- What operators change while the system runs. Who, when and since when is kept with each row.

-- The id that is part of every message id; SEGMENT_ENVIRONMENT overrides it.
create table sync.environment (
    is_only boolean primary key default true check (is_only),
    environment text not null default left(replace(gen_random_uuid()::text, '-', ''), 12)
);
insert into sync.environment default values;

-- Switches are versioned: an event uses the value in force when it was received, so switching
-- one off erases nobody. Section 3 is not here: it is the push DAG's pause switch.
create table sync.switches (
    switch text not null check (switch in ('user_tracking', 'company_metrics', 'auto_create')),
    is_on boolean not null,
    valid_from timestamptz not null default now(),
    changed_by text not null default 'default',
    primary key (switch, valid_from)
);
insert into sync.switches (switch, is_on, valid_from)
values
    ('user_tracking', true, '-infinity'),
    ('company_metrics', true, '-infinity'),
    ('auto_create', true, '-infinity');

-- Which numeric group traits become company metrics.
create table sync.company_metrics (
    metric text primary key,
    aggregation text not null default 'SUM' check (aggregation in ('SUM', 'LAST')),
    changed_by text not null default 'default',
    valid_from timestamptz not null default now()
);

-- Where in a call each key is looked for, in order; dots descend into objects.
create table sync.key_names (
    key text not null check (key in ('user_id', 'email', 'anonymous_id', 'company')),
    path text not null,
    position integer not null,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (key, path),
    unique (key, position)
);
insert into sync.key_names (key, position, path)
values
    ('user_id', 1, 'userId'),
    ('user_id', 2, 'user_id'),
    ('user_id', 3, 'traits.id'),
    ('email', 1, 'traits.email'),
    ('email', 2, 'context.traits.email'),
    ('email', 3, 'properties.email'),
    ('anonymous_id', 1, 'anonymousId'),
    ('anonymous_id', 2, 'anonymous_id'),
    ('company', 1, 'traits.company_id'),
    ('company', 2, 'traits.companyId'),
    ('company', 3, 'traits.company.id'),
    ('company', 4, 'properties.company_id'),
    ('company', 5, 'properties.companyId'),
    ('company', 6, 'properties.customer_id'),
    ('company', 7, 'properties.customerId'),
    ('company', 8, 'context.groupId'),
    ('company', 9, 'context.group_id'),
    ('company', 10, 'context.traits.company_id'),
    ('company', 11, 'context.traits.companyId'),
    ('company', 12, 'context.traits.company.id'),
    ('company', 13, 'groupId'),
    ('company', 14, 'group_id'),
    ('company', 15, 'properties.companyExternalId'),
    ('company', 16, 'properties.company_external_id'),
    ('company', 17, 'traits.companyExternalId'),
    ('company', 18, 'traits.company_external_id');

-- Names under which an event mentions an asset, a project …; looked for in properties, traits
-- and context, in this order of position.
create table sync.object_keys (
    model text not null,
    property text not null,
    position integer not null default 1,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (model, property)
);
insert into sync.object_keys (model, position, property)
values
    ('asset', 1, 'asset_id'),
    ('asset', 2, 'assetId'),
    ('asset', 3, 'assetExternalId'),
    ('asset', 4, 'asset_external_id'),
    ('project', 1, 'project_id'),
    ('project', 2, 'projectId'),
    ('project', 3, 'projectExternalId'),
    ('project', 4, 'project_external_id');

-- The customer's own additions to the identities that never identify anyone.
create table sync.blocked_identities (
    value text primary key,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now()
);

-- Every track event counts with weight 1 unless a row says otherwise; page and screen calls
-- (`event` = 'page' or 'screen') count only where a row says so.
create table sync.usage_events (
    type text not null default 'track' check (type in ('track', 'page', 'screen')),
    event text not null,
    counted boolean not null default true,
    weight numeric not null default 1 check (weight >= 0),
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (type, event)
);

create table sync.thresholds (
    threshold text primary key,
    value numeric not null,
    unit text not null,
    meaning text not null,
    changed_by text not null default 'default',
    valid_from timestamptz not null default now()
);
insert into sync.thresholds (threshold, value, unit, meaning)
values
    ('trend_min_change', 0.20, 'share', 'up or down: 30 days against the 30 before, beyond this'),
    ('trend_min_activities', 5, 'activities', 'and beyond this difference'),
    ('alert_min_active_weeks', 3, 'weeks', 'objects with fewer active weeks raise no alert'),
    ('alert_baseline_weeks', 8, 'weeks', 'the full weeks that the last one is compared with'),
    ('alert_deviations', 3, 'median absolute deviations', 'drop or spike: beyond this'),
    ('health_weight_trend', 1, 'weight', 'part trend in the company health score'),
    ('health_weight_breadth', 1, 'weight', 'part breadth: endusers active in 30 days'),
    ('health_weight_recency', 1, 'weight', 'part recency: days since the last activity'),
    ('health_weight_metric', 1, 'weight', 'each chosen metric''s change'),
    ('health_recency_zero_days', 30, 'days', 'recency is 0 after so many days without activity');
