-- Reading texts and json of columns that others made, without an error whatever is in them. Makes
-- functions only: it locks nothing, and older code does not know them. They need no function of a
-- Postgres later than 15, such as pg_input_is_valid.

-- The time that a text says, understood whole or not at all, as include/collector/times.py reads it.
create function raw_segment.read_time(said text) returns timestamptz
language plpgsql immutable strict parallel safe as $$
declare
    part text[];
    digits text;
    first_of_month date;
    day date;
    moment timestamp;
begin
    -- since 1970: 9 or 10 digits before the point are seconds, 12 or 13 milliseconds
    part := regexp_match(said, '^([0-9]{9,10}|[0-9]{12,13})(?:\.([0-9]+))?$');
    if part is not null then
        digits := part[1] || left(
            coalesce(part[2], '') || '000000', case when length(part[1]) <= 10 then 6 else 3 end
        );
        -- a number of microseconds alone would go through a float
        return timestamptz '1970-01-01 00:00:00+00'
            + left(digits, -6)::bigint * interval '1 second'
            + right(digits, 6)::integer * interval '1 microsecond';
    end if;

    -- year, month, day, hour, minute, second, fraction, sign, hours and minutes of the offset, weekday
    part := coalesce(
        regexp_match(
            said,
            '^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2})'
            '(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?)?'
            '(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?$'
        ),
        regexp_match(
            said,
            '^([0-9]{4})([0-9]{2})([0-9]{2})(?:[Tt]([0-9]{2})'
            '(?:([0-9]{2})(?:([0-9]{2})(?:[.,]([0-9]+))?)?)?'
            '(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?$'
        )
    );
    if part is null then
        part := regexp_match(
            lower(said collate "C"),
            '^(?:(mon|tue|wed|thu|fri|sat|sun),[ \t]*)?([0-9]{1,2})[ \t]+'
            '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[ \t]+([0-9]{4})[ \t]+'
            '([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?[ \t]+(?:gmt|ut|([+-])([0-9]{2})([0-9]{2}))$'
        );
        if part is null then
            return null;
        end if;
        part := array[
            part[4],
            ((position(part[3] in 'janfebmaraprmayjunjulaugsepoctnovdec') + 2) / 3)::text,
            part[2], part[5], part[6], part[7], null, part[8], part[9], part[10], part[1]
        ];
    end if;

    if
        part[1]::integer = 0
        or part[2]::integer not between 1 and 12
        or part[4]::integer > 23
        or part[5]::integer > 59
        or part[6]::integer > 60
        or part[9]::integer > 23
        or part[10]::integer > 59
    then
        return null;
    end if;
    first_of_month := make_date(part[1]::integer, part[2]::integer, 1);
    day := first_of_month + (part[3]::integer - 1);
    if date_trunc('month', day) <> first_of_month or to_char(day, 'dy') <> part[11] then
        return null;
    end if;

    moment := day
        + make_interval(
            hours => coalesce(part[4]::integer, 0), mins => coalesce(part[5]::integer, 0)
        )
        -- second 60 is a leap second: the first of the next minute
        + coalesce(part[6]::integer, 0) * interval '1 second'
        + left(coalesce(part[7], '') || '000000', 6)::integer * interval '1 microsecond'
        - (case when part[8] = '-' then -1 else 1 end) * make_interval(
            hours => coalesce(part[9]::integer, 0), mins => coalesce(part[10]::integer, 0)
        );
    if moment < timestamp '0001-01-01' or moment >= timestamp '10000-01-01' then
        return null;
    end if;
    return moment at time zone 'UTC';
end
$$;

-- json as jsonb; null where it holds what jsonb cannot, such as \u0000. Not parallel safe: what catches
-- an error begins a subtransaction, which no parallel worker of Postgres 15 may.
create function raw_segment.as_jsonb(said json) returns jsonb
language plpgsql immutable strict as $$
begin
    return said::jsonb;
exception when data_exception or program_limit_exceeded then
    return null;
end
$$;
