-- How far the tables that Segment itself loads have been read (include/segment_warehouse).

create table raw_segment.warehouse_tables (
    warehouse_table_id integer generated always as identity primary key,
    schema_name text not null,
    table_name text not null,
    -- Segment's load time of the latest row that was read, never later than the clock was then. The
    -- next reading begins a margin before it; null: from the beginning
    read_to timestamptz,
    read_at timestamptz,
    unique (schema_name, table_name)
);

-- The rows within that margin, so that reading them again counts nothing again. `loaded_at` null:
-- a row without a load time; it is read each time, and kept here for good.
create table raw_segment.warehouse_rows (
    warehouse_table_id integer not null references raw_segment.warehouse_tables on delete cascade,
    row_key uuid not null,
    loaded_at timestamptz,
    primary key (warehouse_table_id, row_key)
);
