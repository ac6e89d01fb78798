-- What lets a build leave out what has nothing new, and say what it did. May run beside the code before.

-- How often a setting was written: between two builds that see the same number none was changed, nor changed back.
create sequence sync.setting_changes;

-- before it is called for the first time, a sequence tells the same number as after
select nextval('sync.setting_changes');

-- whoever may write a setting counts it
create function sync.count_setting_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform nextval('sync.setting_changes');
    return null;
end
$$;

do $$
declare
    setting text;
begin
    foreach setting in array array[
        'switches', 'company_metrics', 'key_names', 'object_keys', 'blocked_identities', 'excluded', 'company_aliases',
        'usage_events', 'thresholds'
    ] loop
        execute format(
            'create trigger changes_are_counted after insert or update or delete on sync.%I'
            ' for each row execute function sync.count_setting_change()', setting
        );
        execute format(
            'create trigger emptying_is_counted after truncate on sync.%I'
            ' for each statement execute function sync.count_setting_change()', setting
        );
    end loop;
end
$$;

create trigger changes_are_counted after insert or delete or update of source, kind, original_timestamp_first
on raw_segment.sources for each row execute function sync.count_setting_change();

alter table sync.builds
    -- the number when the build began; null: by a version that did not count
    add column setting_changes bigint,
    -- whether nothing but rows is new since the build before: what has none is left out
    add column sees_rows_only boolean not null default false;

alter table sync.model_marks
    -- what shapes the table besides its columns: key, indexes, materialization
    add column shape text not null default '',
    -- rows that came, were changed and went in the build that it was last brought up to date by
    add column rows_added bigint,
    add column rows_changed bigint,
    add column rows_gone bigint;
