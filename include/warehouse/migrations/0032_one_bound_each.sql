-- The bounds of 0016 are those that the models have (longest_source and longest_planhat_id in dbt_project.yml): what one
-- lets pass the other does not cut or leave out. What stands there already is not looked at again. May run before the new
-- code and beside the old one.

alter table raw_segment.sources
drop constraint a_source_is_short,
add constraint a_source_is_short check (length(source) <= 80) not valid;
alter table raw_planhat.objects
drop constraint a_planhat_id_is_short,
add constraint a_planhat_id_is_short check (octet_length(planhat_id) <= 100) not valid;
