-- By what a collector passes over nearly everybody who is not suppressed, without hashing them. May run beside the
-- code before.

alter table sync.suppressed
    -- CRC-32 of the kind and normal form, exclusive-or four bytes that only the key makes of this row's hash: so it
    -- says nothing of the id. Null: written by a version without; then a collector hashes everybody.
    add column tag integer;

-- Those four bytes. The same in include/privacy/keys.py.
create function sync.tag_pad(key bytea, key_hash bytea) returns integer
language sql immutable strict as $$
    select ('x' || encode(substr(sha256(key || convert_to(E'tag\x1f', 'UTF8') || key_hash), 1, 4), 'hex'))::bit(32)::integer
$$;
