-- As 0016, for what came after it. Needs the code that comes with it: reads name the new index.

-- External ids are as long as somebody made them.
alter table raw_planhat.former_keys drop constraint former_keys_pkey;
create unique index former_keys_key
on raw_planhat.former_keys (model, md5(company), md5(external_id), planhat_id);

-- The field of a CSV column is what somebody has called it.
alter table raw_planhat.columns drop constraint columns_pkey;
create unique index columns_field on raw_planhat.columns (model, md5(field));

alter table sync.excluded
add constraint a_value_is_short check (length(value) <= 500) not valid;
alter table sync.company_aliases
add constraint an_alias_is_short check (length(alias) <= 500) not valid;
