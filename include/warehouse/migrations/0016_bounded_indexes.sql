-- No index over a text without a bound: a btree takes rows of some 2,700 bytes, and a longer one fails the
-- statement that writes it, each time anew. What is looked up has an index of hashes, what must be unique is
-- so by its md5; what operators and models name is bounded. May run before the new code or after it; locks
-- each table while its index is made, the ledger's for seconds a million objects.

-- Objects are named by whoever writes an outbound model, and looked up alone.
drop index sync.run_errors_open;
create index run_errors_open on sync.run_errors using hash (object_id) where resolved_at is null;

-- A user id is as long as Planhat's external id.
drop index sync.objects_user_id;
create index objects_user_id on sync.objects using hash (user_id) where user_id is not null;

-- A key of `custom` is what somebody has called it.
alter table sync.column_types drop constraint column_types_pkey;
create unique index column_types_path on sync.column_types (destination, model, md5(path));

alter table sync.alerts_sent drop constraint alerts_sent_pkey;
create unique index alerts_sent_object
on sync.alerts_sent (object_type, md5(object_id), kind, opened_on);

alter table sync.alerts_acknowledged drop constraint alerts_acknowledged_pkey;
create unique index alerts_acknowledged_object
on sync.alerts_acknowledged (object_type, md5(object_id), kind, opened_on);

-- 500 characters are at most 2,000 bytes. What stands there already is not looked at again.
alter table raw_segment.sources
add constraint a_source_is_short check (length(source) <= 200) not valid;
alter table raw_planhat.objects
add constraint a_planhat_id_is_short check (length(planhat_id) <= 200) not valid;
alter table sync.company_metrics
add constraint a_metric_is_short check (length(metric) <= 500) not valid;
alter table sync.key_names
add constraint a_path_is_short check (length(path) <= 500) not valid;
alter table sync.object_keys
add constraint a_property_is_short check (length(property) <= 500) not valid;
alter table sync.blocked_identities
add constraint a_value_is_short check (length(value) <= 500) not valid;
alter table sync.usage_events
add constraint an_event_is_short check (length(event) <= 500) not valid;
