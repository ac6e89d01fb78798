-- What the columns of Planhat's exports have been, what of a cell could not be read, and what a plan
-- warns of. Must run before the new code; locks nothing for longer than it takes to add a column.

-- One row a column of a model that a CSV file had, and a key of `custom`: the first file decides,
-- later ones are read so.
create table raw_planhat.columns (
    model text not null,
    -- the field's name, or custom.<key>
    field text not null,
    type text not null check (
        type in ('text', 'number', 'boolean', 'date', 'day', 'list', 'object', 'currency')
    ),
    -- the file that showed it, "what was read before", "the model" or a person
    decided_by text not null,
    -- the read in which it was decided; null: by a person
    read_id bigint,
    since timestamptz not null default now(),
    -- whether a cell of it ever held several lines
    has_lines boolean not null default false,
    -- the mark before its decimals in the last file that had any; null: none yet
    decimal_mark text check (decimal_mark in ('.', ',')),
    primary key (model, field)
);

-- Null: the line as a whole. Else its object was read, without this cell.
alter table raw_planhat.rejects add column column_name text;

-- Cells that did not fit, in objects that were read without them.
alter table raw_planhat.reads add column cells bigint not null default 0;

-- What a plan says beside its counts: sent all the same.
create table sync.plan_warnings (
    run_id bigint not null,
    model text not null,
    position integer not null,
    warning text not null,
    primary key (run_id, model, position)
);

insert into sync.thresholds (threshold, value, unit, meaning)
values
    (
        'read_guard_missing_share', 0.25, 'share',
        'mark nothing deleted when more of a model is gone from a read'
    ),
    ('read_guard_missing_from', 3, 'objects', 'but not for fewer objects than this');

-- Ten of fourteen are many.
update sync.thresholds
set value = 3
where threshold = 'push_guard_removed_from' and value = 10 and changed_by = 'default';
