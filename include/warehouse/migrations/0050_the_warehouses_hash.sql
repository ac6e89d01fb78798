-- A hash that only this warehouse can make, so that lists and receipts name nobody without it. May run beside the code
-- before.

-- Whoever has this row can try ids against what was hashed with it: it goes with a dump of the whole database, and
-- with no export of a single list.
create table sync.privacy_key (
    is_the_only_row boolean primary key default true check (is_the_only_row),
    key bytea not null check (length(key) = 32)
);
insert into sync.privacy_key (key)
select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- 16 bytes of SHA-256 behind the key; what is cut off is what would allow to go on from a hash. `kind` keeps an e-mail
-- apart from a user id that looks like one. The same in include/privacy/keys.py.
create function sync.keyed_hash(kind text, value text) returns bytea
language sql stable strict as $$
    select substr(sha256(privacy_key.key || convert_to(kind || E'\x1f' || value, 'UTF8')), 1, 16)
    from sync.privacy_key
$$;
