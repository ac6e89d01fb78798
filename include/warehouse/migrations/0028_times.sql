-- How times are read, and which of a client's two clocks comes first. May run before the new code and
-- beside the old one; it locks raw_segment.sources for a moment.

-- True for a relay that takes the receivedAt of Segment's calls away: their originalTimestamp is asked
-- before their timestamp.
alter table raw_segment.sources add column original_timestamp_first boolean not null default false;

-- The reader of 0022 in a quarter of its time, for those whose clients write what a build does not know by
-- sight (dbt_project/macros/times.sql): patterns that only say yes or no cost a tenth of those that hand
-- out parts. It casts nothing that it has not looked at, so that no text is an error.
create or replace function raw_segment.read_time(said text) returns timestamptz
language plpgsql immutable strict parallel safe as $$
declare
    weekdays constant text[] = '{mon,tue,wed,thu,fri,sat,sun}';
    months constant text[] = '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}';
    -- a moment in the extended form, every field within its range
    extended constant text =
        '^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])'
        '(?:[Tt ](?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.,][0-9]+)?)?)?'
        '(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?$';
    part text[];
    weekday text;
    fraction text;
    zone text;
    east interval = '0';
    moment timestamptz;
begin
    -- digits since 1970
    if said ~ '^(?:[0-9]{9,10}|[0-9]{12,13})(?:[.][0-9]+)?$' then
        part = string_to_array(said, '.');
        fraction = coalesce(part[2], '') || '000000';
        if length(part[1]) > 10 then
            fraction = right(part[1], 3) || fraction;
            part[1] = left(part[1], -3);
        end if;
        return timestamptz '1970-01-01 00:00:00+00'
            + make_interval(secs => part[1]::bigint) + left(fraction, 6)::int * interval '1 microsecond';
    end if;

    if said !~ extended then
        if said ~ '^[0-9]{8}(?:$|[Tt])' then
            -- the basic form
            part = regexp_match(
                said, '^(....)(..)(..)(?:[Tt]([0-9]{2})([0-9]{2})?([0-9]{2})?([.,][0-9]+)?([Zz+-].*)?)?$'
            );
            if part[7] <> '' and part[6] is null then
                return null;
            end if;
            said = concat_ws('-', part[1], part[2], part[3])
                || coalesce('T' || part[4] || concat(':' || part[5], ':' || part[6], part[7], part[8]), '');
        else
            -- RFC 2822
            part = regexp_match(
                lower(said collate "C"),
                '^(?:(' || array_to_string(weekdays, '|') || '),[ \t]*)?'
                '([0-9]{1,2})[ \t]+(' || array_to_string(months, '|') || ')[ \t]+([0-9]{4})[ \t]+'
                '([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)[ \t]+(gmt|ut|[+-][0-9]{4})$'
            );
            weekday = part[1];
            said = concat_ws(
                '-', part[4], lpad(array_position(months, part[3])::text, 2, '0'), lpad(part[2], 2, '0')
            ) || 'T' || part[5] || case when part[6] in ('gmt', 'ut') then 'Z' else part[6] end;
        end if;
        if said is null or said !~ extended then
            return null;
        end if;
    end if;

    -- what the calendar does not have
    if
        left(said, 4) = '0000'
        or substr(said, 6, 5) in ('02-30', '02-31', '04-31', '06-31', '09-31', '11-31')
        or substr(said, 6, 5) = '02-29' and not (
            left(said, 4)::int % 4 = 0 and (left(said, 4)::int % 100 <> 0 or left(said, 4)::int % 400 = 0)
        )
    then
        return null;
    end if;
    zone = ltrim(substr(said, 12), '0123456789:.,');
    said = left(said, length(said) - length(zone));
    fraction = substr(said, 21);
    -- second 60 is a leap second: the first of the next minute
    moment = (
        left(said, 19) || substr('0000-00-00T00:00:00', least(length(said), 19) + 1) || 'Z'
    )::timestamptz + left(fraction || '000000', 6)::int * interval '1 microsecond';
    if zone ~ '^[+-]' then
        east = (left(zone, 3) || ':' || coalesce(nullif(right(replace(zone, ':', ''), -3), ''), '00'))::interval;
    end if;
    -- a weekday that is another day's contradicts it, and years have four digits
    if
        weekday <> weekdays[extract(isodow from left(said, 10)::date)]
        or moment - east >= timestamptz '10000-01-01 00:00:00+00'
        or moment - east < timestamptz '0001-01-01 00:00:00+00'
    then
        return null;
    end if;
    return moment - east;
end
$$;
