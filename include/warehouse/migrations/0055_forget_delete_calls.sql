-- Whether `delete` calls make people forgotten by themselves. Off: whoever has a write key deletes nobody. May run before
-- the new code and beside the old one, and takes no time.

alter table sync.switches
    drop constraint switches_switch_check,
    add constraint switches_switch_check check (
        switch in (
            'user_tracking', 'company_metrics', 'auto_create', 'block_bots', 'create_by_property_email',
            'enduser_alerts', 'forget_delete_calls'
        )
    );
insert into sync.switches (switch, is_on, valid_from) values ('forget_delete_calls', false, '-infinity');
