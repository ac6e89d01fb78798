-- How much each planned message takes, so that batches are cut without reading the messages.

-- At most so many bytes does a text take within JSON that escapes everything beyond ASCII: each
-- character of two to four bytes becomes six or twelve.
create function sync.escaped_bytes(value text) returns integer
language sql immutable parallel safe
as $$
    select 5 * octet_length(value) - 4 * char_length(value)
$$;

-- Of the traits or properties, the ids and the event; never too little. What was planned before
-- this column was there counts as the most that a message may have.
alter table sync.planned add column bytes integer not null default 32768;
alter table sync.planned alter column bytes drop default;
