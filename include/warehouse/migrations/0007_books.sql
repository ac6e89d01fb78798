-- What include/collector/books.py has checked, so that a check costs what is new and not what is old.

-- Of each hour, how many of its landed calls have been counted in raw_segment.events.
create table raw_segment.books_checked (
    source text not null,
    hour timestamptz not null,
    landed bigint not null,
    primary key (source, hour)
);

-- One row: what the last check without a difference saw.
create table raw_segment.books_check (
    is_the_only_row boolean primary key default true check (is_the_only_row),
    seen pg_snapshot not null,
    checked_at timestamptz not null default now()
);

-- Finds the loads that are new since a snapshot. In the order of time, as the table is.
create index loads_transaction_id on raw_segment.loads (transaction_id);

-- The loads of collectors that `seen` did not see yet; null: all. A load without a token is in
-- nobody's books: somebody has filled the table by hand.
create function raw_segment.loads_since(seen pg_snapshot) returns setof bigint
language sql stable as $$
select load_id
from raw_segment.loads
where
    token is not null
    and (
        seen is null
        or (
            transaction_id >= pg_snapshot_xmin(seen)
            and not pg_visible_in_snapshot(transaction_id, seen)
        )
    )
$$;
