"""Calls of people, out of the raw table and of what is appended from it.

What a company counted of them stays as daily sums under random ids (`raw_segment.kept_usage`). What
one says of a company (group) or mentions somebody forgotten by the way stays without them: it is
taken away and landed again.
"""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from include.privacy.forgetting.person import Person
from include.privacy.forgetting.words import Words

# Tables of a row a call and more, that nothing but a full build would make anew.
_BY_CALL = (
    "staging.stg_segment__calls", "staging.stg_segment__group_traits",
    "staging.stg_segment__identify_traits", "intermediate.int_identity__attributes",
)  # fmt: skip
# Of what calls share, what no call has any more.
_SHARED = {
    "staging.stg_segment__keysets": "keyset",
    "staging.stg_segment__mentions": "mention",
}
# More ids than these are looked for as whole values of a payload alone, not within texts.
MOST_WITHIN_TEXTS = 50

_THEIRS = """
    create temporary table their_calls on commit drop as
    with keys (key) as (
        select unnest(%(user_ids)s::text[])
        union
        select unnest(%(emails)s::text[])
    ),
    named as (
        select distinct keysets.keyset
        from staging.stg_segment__keysets as keysets
        cross join lateral unnest(keysets.user_ids || keysets.emails) as carried (key)
        inner join keys on carried.key = keys.key
    ),
    -- who is known by no e-mail of their own but one among a call's properties
    by_property as (
        select keysets.keyset
        from staging.stg_segment__keysets as keysets
        cross join lateral unnest(keysets.property_emails) as carried (key)
        inner join keys on carried.key = keys.key
        where keysets.user_ids = '{}' and keysets.emails = '{}'
    ),
    carrying as (
        select calls.event_seq
        from staging.stg_segment__calls as calls
        where calls.keyset in (select keyset from named union select keyset from by_property)
    )
    select event_seq from marts.event_resolution where enduser_id = any (%(enduser_ids)s)
    union
    -- what became of nobody, is out of scope, or made them anew when their enduser was gone; but
    -- not what is another person's
    select carrying.event_seq
    from carrying
    inner join marts.event_resolution as resolution on carrying.event_seq = resolution.event_seq
    left join marts.endusers as endusers on resolution.enduser_id = endusers.enduser_id
    where
        resolution.user_id = any (%(user_ids)s)
        or (endusers.external_id is null and resolution.user_id is null)
    union
    select event_seq from staging.stg_segment__calls
    where
        %(anonymous_ids)s::text[] <> '{}'
        and anonymous_ids && %(anonymous_ids)s
        and event_seq in (
            select event_seq from marts.event_resolution
            where enduser_id is null and user_id is null and email is null
        )
"""


def select_calls(connection: psycopg.Connection, people: Iterable[Person]) -> int:
    """Put the numbers of their calls into `their_calls`, for this transaction: how many."""
    everybody = list(people)
    connection.execute(
        _THEIRS,
        {
            name: sorted(set().union(*(getattr(each, name) for each in everybody)))
            for name in ("enduser_ids", "user_ids", "emails", "anonymous_ids")
        },
    )
    connection.execute("create unique index on their_calls (event_seq)")
    connection.execute("analyze their_calls")
    return _count(connection, "select count(*) from their_calls")


def select_mentions(
    connection: psycopg.Connection, words: Words, *, since: str | None = None
) -> int:
    """Put the calls of others that name them into `their_mentions`: how many.

    Reads every payload; with `since`, a snapshot, of what landed after it alone. What no build has
    seen is left for the next time: it may be theirs.
    """
    # made of a SELECT, for which Postgres reads in several processes
    connection.execute(
        f"""
        create temporary table their_mentions on commit drop as
        select events.event_seq from raw_segment.events as events
        where
            {_naming(connection, words, since)}
            and not exists (
                select from their_calls where their_calls.event_seq = events.event_seq
            )
            and exists (
                select from staging.stg_segment__calls as calls
                where calls.event_seq = events.event_seq
            )
        """,  # noqa: S608
        {"patterns": words.patterns, "since": since},
    )
    rows = connection.execute(
        "select event_seq, payload from raw_segment.events"
        " where event_seq in (select event_seq from their_mentions)"
    )
    others = [event_seq for event_seq, payload in rows if not words.are_in(payload)]
    connection.execute("delete from their_mentions where event_seq = any (%s)", [others])
    return _count(connection, "select count(*) from their_mentions")


def have_landed(connection: psycopg.Connection, words: Words, *, since: str) -> bool:
    """Whether calls that name them have landed after a snapshot."""
    naming = _naming(connection, words, since)
    query = f"select events.payload from raw_segment.events as events where {naming}"  # noqa: S608
    rows = connection.execute(query, {"patterns": words.patterns, "since": since})
    return any(words.are_in(payload) for (payload,) in rows)


_WHOLE_VALUES = """exists (
    select from jsonb_path_query(
        events.payload, 'strict $.** ? (@.type() == "string")'
    ) as leaf (value)
    where lower(leaf.value #>> '{}') in (select word from wanted)
)"""
_SINCE = """events.load_id in (
    select load_id from raw_segment.loads
    where
        transaction_id >= pg_snapshot_xmin(%(since)s::pg_snapshot)
        and not pg_visible_in_snapshot(transaction_id, %(since)s::pg_snapshot)
) and """


def _naming(connection: psycopg.Connection, words: Words, since: str | None) -> str:
    """The condition of calls that name them, few within texts and many as whole values."""
    landed = _SINCE if since else ""
    if not words.long:
        return "false"
    if len(words.identifiers) <= MOST_WITHIN_TEXTS:
        return f"{landed} lower(events.payload::text) like any (%(patterns)s)"
    connection.execute("drop table if exists pg_temp.wanted")
    connection.execute("create temporary table wanted (word text primary key)")
    with connection.cursor().copy("copy wanted (word) from stdin") as copy:
        for word in sorted({each.lower() for each in words.long}):
            copy.write_row([word])
    return landed + _WHOLE_VALUES


def remove_calls(connection: psycopg.Connection, people: list[Person], words: Words) -> dict:
    """Take away what `select_calls` and `select_mentions` found: how many rows, by table.

    In the caller's transaction, which holds the lock of builds and is for nobody to see half done.
    """
    removed: dict[str, int] = {}
    let_builds_compare(connection)
    kept = _keep_usage(connection, people)
    again = [*_stripped_groups(connection, words), *_without_mentions(connection, words)]
    connection.execute(
        "create temporary table gone_calls on commit drop as"
        " select event_seq from their_calls union select event_seq from their_mentions"
    )
    connection.execute("create unique index on gone_calls (event_seq)")
    connection.execute("analyze gone_calls")
    _take_out_of_the_books(connection)
    for table, column in _SHARED.items():
        removed[table] = _delete(
            connection,
            f"""
            delete from {table} as shared
            where
                {column} in (
                    select {column} from staging.stg_segment__calls
                    where event_seq in (select event_seq from gone_calls)
                )
                and not exists (
                    select from staging.stg_segment__calls as calls
                    where
                        calls.{column} = shared.{column}
                        and calls.event_seq not in (select event_seq from gone_calls)
                )
            """,  # noqa: S608
        )
    for table in (*_BY_CALL, "raw_segment.events"):
        removed[table] = _delete(
            connection,
            f"delete from {table} where event_seq in (select event_seq from gone_calls)",  # noqa: S608
        )
    _land_again(connection, again)
    removed["raw_segment.kept_usage (added)"] = kept
    removed["raw_segment.events (landed again without them)"] = len(again)
    return {table: count for table, count in removed.items() if count}


def _keep_usage(connection: psycopg.Connection, people: list[Person]) -> int:
    """What companies, assets and projects counted of them: the ids are drawn for each day."""
    return _delete(
        connection,
        """
        with theirs as (
            select unnest(%s::text[]) as enduser_id
            union
            select enduser_id from marts.event_resolution
            where event_seq in (select event_seq from their_calls) and enduser_id is not null
        ),
        days as materialized (
            select
                enduser_id, activity_date,
                'forgotten-' || replace(gen_random_uuid()::text, '-', '') as pseudonym
            from intermediate.int_usage__object_enduser_days
            where enduser_id in (select enduser_id from theirs)
            group by enduser_id, activity_date
        )
        insert into raw_segment.kept_usage (
            object_type, object_id, enduser_id, activity_date, type, event, calls, last_event_at
        )
        select object_type, object_id, pseudonym, activity_date, type, event, calls, last_event_at
        from intermediate.int_usage__object_enduser_days
        inner join days using (enduser_id, activity_date)
        """,
        [sorted(set().union(*(each.enduser_ids for each in people)))],
    )


_CLOCKS = (
    "timestamp", "originalTimestamp", "original_timestamp", "sentAt", "sent_at", "receivedAt",
    "received_at", "integrations", "groupId", "group_id",
)  # fmt: skip


def _stripped_groups(connection: psycopg.Connection, words: Words) -> list[tuple]:
    """Their group calls as calls of nobody: the company, the numbers said of it, and when."""
    rows = connection.execute(
        """
        select source, received_at, payload from raw_segment.events
        where type = 'group' and event_seq in (select event_seq from their_calls)
        """
    ).fetchall()
    stripped = []
    for source, received_at, payload in rows:
        if not (payload.get("groupId") or payload.get("group_id")):
            continue
        traits = payload.get("traits")
        numbers = {
            name: value
            for name, value in (traits.items() if isinstance(traits, dict) else ())
            if isinstance(value, int | float | Decimal)
            and not isinstance(value, bool)
            and not words.are_said_by(str(value))
        }
        message_id = f"kept-{uuid.uuid4()}"
        call = {
            **{name: payload[name] for name in _CLOCKS if name in payload},
            "type": "group", "messageId": message_id, "anonymousId": str(uuid.uuid4()),
            "traits": numbers,
        }  # fmt: skip
        stripped.append((message_id, source, "group", received_at, call))
    return stripped


def _without_mentions(connection: psycopg.Connection, words: Words) -> list[tuple]:
    rows = connection.execute(
        """
        select message_id, source, type, received_at, payload from raw_segment.events
        where event_seq in (select event_seq from their_mentions)
        """
    ).fetchall()
    return [(*row[:4], words.taken_out_of(row[4])) for row in rows]


def _land_again(connection: psycopg.Connection, calls: list[tuple[Any, ...]]) -> None:
    if not calls:
        return
    # without a token: no collector has booked it
    (load_id,) = connection.execute(
        "insert into raw_segment.loads default values returning load_id"
    ).fetchone()  # type: ignore[misc]
    connection.cursor().executemany(
        "insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)"
        " values (%s, %s, %s, %s, %s, %s)",
        [(*call[:4], Jsonb(call[4]), load_id) for call in calls],
    )


def _take_out_of_the_books(connection: psycopg.Connection) -> None:
    """The books say how many calls of an hour are gone, so that they and the table agree."""
    connection.execute("select pg_advisory_xact_lock(hashtext('planhat-segment books'))")
    connection.execute(
        """
        create temporary table gone_hours on commit drop as
        select
            events.source,
            date_trunc('hour', events.received_at, 'UTC') as hour,
            count(*) as calls,
            count(*) filter (
                where pg_visible_in_snapshot(loads.transaction_id, books_check.seen)
            ) as checked
        from gone_calls
        inner join raw_segment.events as events using (event_seq)
        inner join raw_segment.loads as loads using (load_id)
        left join raw_segment.books_check on true
        where loads.token is not null
        group by 1, 2
        """
    )
    connection.execute(
        """
        update raw_segment.intake set forgotten = intake.forgotten + gone_hours.calls
        from gone_hours
        where intake.source = gone_hours.source and intake.hour = gone_hours.hour
        """
    )
    connection.execute(
        """
        update raw_segment.books_checked set landed = books_checked.landed - gone_hours.checked
        from gone_hours
        where books_checked.source = gone_hours.source and books_checked.hour = gone_hours.hour
        """
    )


def let_builds_compare(connection: psycopg.Connection) -> None:
    """What is made of calls and objects differs now from what journals tell: a build looks."""
    names = [table.split(".")[1] for table in (*_BY_CALL, *_SHARED)]
    connection.execute(
        "update sync.model_marks"
        " set made_anew_in = (select max(build_id) + 1 from sync.builds) where model = any (%s)",
        [names],
    )
    # and is made, of all models, though no call and no object is new
    connection.execute("select nextval('sync.setting_changes')")
    connection.execute("insert into raw_segment.loads default values")


def _count(connection: psycopg.Connection, query: str) -> int:
    return connection.execute(query).fetchone()[0]  # type: ignore[index]


def _delete(connection: psycopg.Connection, query: str, values: Any = None) -> int:
    return connection.execute(query, values).rowcount
