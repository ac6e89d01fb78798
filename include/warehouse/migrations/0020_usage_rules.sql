-- Usage and its alerts are judged by days that are over; what was told of an alert stays, and says when it no
-- longer holds. May run before the new code and beside the old one; the tables are small.

insert into sync.thresholds (threshold, value, unit, meaning)
values
    ('alert_min_change', 0.20, 'share', 'drop or spike: and beyond this share of what is usual'),
    ('alert_min_activities', 5, 'activities', 'and beyond this difference'),
    (
        'alert_judged_after', 12, 'hours',
        'a week is judged so long after it ends, in whole as-of dates: most late calls are there (marts.lateness)'
    );

-- Alerts of endusers are many, and seldom news: off.
alter table sync.switches
    drop constraint switches_switch_check,
    add constraint switches_switch_check check (
        switch in (
            'user_tracking', 'company_metrics', 'auto_create', 'block_bots', 'create_by_property_email',
            'enduser_alerts'
        )
    );
insert into sync.switches (switch, is_on, valid_from) values ('enduser_alerts', false, '-infinity');

-- An AS_OF= of somebody's own: what is built so is looked at, and not pushed.
alter table sync.builds add column is_as_of_set boolean not null default false;

-- What was told, as it was told; null for what was told before this was kept.
alter table sync.alerts_sent
    add column activities numeric,
    add column expected numeric,
    -- the as-of date on which it was over, or was seen to hold no longer
    add column closed_on date,
    -- over: as marts.usage_alerts says; corrected: what is known now says that it never was
    add column closed_reason text check (closed_reason in ('over', 'corrected')),
    -- when a correction was told
    add column correction_sent_at timestamptz;
