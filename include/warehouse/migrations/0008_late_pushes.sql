-- A push that does not come: noticed by something else than the push.

-- Since when the data push was seen to be switched on; null while it is off. What was due before is
-- no push that is missing.
alter table sync.told_states add column active_since timestamptz;

insert into sync.thresholds (threshold, value, unit, meaning)
values
    (
        'push_alert_late', 60, 'minutes',
        'alert when no push has begun so long after its time; 0: never'
    );
