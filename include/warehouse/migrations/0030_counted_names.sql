-- A row of sync.usage_events is about calls that there can be: its event is written as names of events are compared, cut
-- at both ends of what counts as blank (docs/identity.md, 3.1), and not blank. What stands there already is not looked at
-- again. May run before the new code and beside the old one; the table is small.

alter table sync.usage_events
add constraint an_event_is_cut_and_not_blank check (
    event <> ''
    and event = btrim(
        event,
        E'\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u00ad\u1680\u2000\u2001\u2002\u2003\u2004\u2005'
        '\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d'
        '\u202e\u202f\u205f\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u3000\ufeff'
    )
) not valid;
