-- How the letters of e-mails are made small, whatever the locale of the database: by the rules of
-- Unicode, letter by letter. No collation that does so is in every Postgres from 15 on, so this one
-- is made of the first that the server has.

do $$
declare
    definition text;
begin
    foreach definition in array array[
        'provider = builtin, locale = ''C.UTF-8''',  -- from Postgres 17 on
        'provider = libc, locale = ''C.UTF-8''',     -- of the operating system: Debian, Red Hat …
        'provider = icu, locale = ''und'''
    ] loop
        begin
            execute format('create collation sync.letter_case (%s)', definition);
            return;
        exception when others then
            null;  -- not on this server; what is wrong beside that, the last one says
        end;
    end loop;
    -- the letters of ASCII alone
    create collation sync.letter_case from "C";
end
$$;
