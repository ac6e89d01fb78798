-- What the page and the commands need of the settings of identity: how much may be blocked at once, how long a link may
-- live, and which proposals of aliases nobody wants to see again. May run before the new code and beside the old one.

insert into sync.thresholds (threshold, value, unit, meaning)
values
    (
        'block_guard_share', 0.5, 'share',
        'refuse a pattern or domain that would block more of a key''s values that calls carry'
    ),
    ('block_guard_from', 10, 'values', 'but not for fewer values than this; all of them are always refused');

-- Days that can be taken from a time; "NaN" is greater than 0 too.
alter table sync.thresholds
    drop constraint links_live_some_time,
    add constraint links_live_some_time
        check (threshold <> 'link_expires_days' or value is null or (value > 0 and value <= 36500)) not valid;

-- What is blank blocks nothing. What stands there already is not looked at again.
alter table sync.blocked_identities
    add constraint a_value_says_something check (value ~ '[^[:space:]]') not valid;

-- A proposed alias that somebody has looked at and does not want: kept, so that it is not proposed to the next person.
create table sync.dismissed_aliases (
    alias text not null check (length(alias) <= 500),
    planhat_id text not null check (length(planhat_id) <= 200),
    changed_by text not null default 'default',
    valid_from timestamptz not null default now(),
    primary key (alias, planhat_id)
);
