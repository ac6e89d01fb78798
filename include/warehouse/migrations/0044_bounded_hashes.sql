-- Bounds of what states of the dbt project are found by (as 0016). May run before the new code and beside the old one.

alter table sync.project_files
    add constraint a_hash_is_short check (length(content_hash) <= 64 and length(code_fingerprint) <= 64) not valid;
