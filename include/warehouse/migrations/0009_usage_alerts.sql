-- Alerts of usage (marts.usage_alerts): which of them people know of.

-- Each alert that was looked at, once. Written in the transaction that sends, after sending.
create table sync.alerts_sent (
    object_type text not null,
    object_id text not null,
    kind text not null,
    opened_on date not null,
    -- null: seen and not sent (old when it was first seen, or its object is gone)
    sent_at timestamptz,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (object_type, object_id, kind, opened_on)
);

-- Up to which day of the marts alerts were looked at; no row: never.
create table sync.alerts_checked (
    is_only_row boolean primary key default true check (is_only_row),
    checked_through date not null,
    checked_at timestamptz not null default clock_timestamp()
);

-- Somebody has taken notice: not shown among the open ones any more.
create table sync.alerts_acknowledged (
    object_type text not null,
    object_id text not null,
    kind text not null,
    opened_on date not null,
    acknowledged_at timestamptz not null default clock_timestamp(),
    acknowledged_by text not null,
    primary key (object_type, object_id, kind, opened_on)
);
