-- Message ids that were made for calls without one: kept before the call is, and counted.
-- Adds columns with constant defaults and replaces a function: it waits for writers, and takes no time.

alter table raw_segment.quarantine
    -- the id with which the call lands if its text says none; null: it says one, or is no call
    add column message_id text;

alter table raw_segment.intake
    -- of the calls, those that came without a message id and got one
    add column made_ids bigint not null default 0;

-- The time of sending is no difference, in either spelling.
create or replace function raw_segment.differing(
    message_ids text[], sources text[], received_ats timestamptz[], payloads text[],
    landed text[], repeated text[]
) returns table (source text, hour timestamptz, calls bigint)
language plpgsql volatile as $$
begin
    return query
    select c.source, date_trunc('hour', c.received_at, 'UTC'), count(*)
    from
        unnest(message_ids, sources, received_ats, payloads)
            as c (message_id, source, received_at, payload)
        join raw_segment.events as e on e.message_key = md5(c.message_id)::uuid
    where
        (c.message_id <> all (landed) or c.message_id = any (repeated))
        and e.payload - '{sentAt,sent_at}'::text[]
        is distinct from c.payload::jsonb - '{sentAt,sent_at}'::text[]
    group by 1, 2;
end
$$;
