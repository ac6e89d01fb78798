"""How fast a build is, on a small history and on one ten times as long, beside the bare SQL.

A build is all of it: dbt's own start, every model from staging to `planhat`, every test. What it
costs must follow what is new, not what was there: the same work is measured on both histories.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from include.bench.rows import Row
from include.build import build
from include.settings import load_settings
from include.warehouse.connection import connect

Say = Callable[[str], None]

# Events of the two histories.
SIZES = {"small": (100_000, 1_000_000), "full": (1_000_000, 10_000_000)}
NEW_EVENTS = 10_000
USERS = 50_000
COMPANIES = 1_000
DAYS = 90
# Users that nobody can place until an identify names their company, with their calls each.
LOST_USERS, LOST_CALLS = 50, 20
# One user whose calls are spread over so many days and event names, until an identify moves them.
WANDERER_KEY_DAYS = 1_000
LATE_COMPANY_EVENTS = 10_000
# Land so many at once: memory of the server stays flat.
PORTION = 500_000


@dataclass
class Measured:
    """Seconds of the same work on one history of `events` events, and what it took."""

    events: int
    full: float = 0.0
    bare_full: float = 0.0
    new: float = 0.0
    bare_new: float = 0.0
    click: float = 0.0
    nothing: float = 0.0
    wanderer: float = 0.0
    company: float = 0.0
    lookup: float = 0.0
    temp_mb: float = 0.0


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`, which keeps the events.

    `size` full: ten times the events. A history of `DAYS` days, of `USERS` endusers of `COMPANIES`
    companies, one user in ten unknown to Planhat; one call in twenty anonymous, with a link.
    """
    add_customers(url)
    short, long = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        first = measure(url, Path(folder), short, 0, say)
        second = measure(url, Path(folder), long, short, say)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [
        Row(
            f"full build of {each.events:,} events: every model and test",
            f"{each.events / each.full:,.0f} events/s ({each.full:.1f} s)",
            f"{each.events / each.bare_full:,.0f} events/s: bare SQL counting them by user and day",
            each.bare_full / each.full,
        )
        for each in (first, second)
    ]
    for name, pick in {
        f"build of {NEW_EVENTS:,} new events, 5% late, {LOST_USERS} people re-mapped": "new",
        f"build of one identify that moves {WANDERER_KEY_DAYS:,} key-days": "wanderer",
        f"build of one company that resolves {LATE_COMPANY_EVENTS:,} events": "company",
        "build of one new event": "click",
        "build when nothing is new": "nothing",
    }.items():
        before, after = getattr(first, pick), getattr(second, pick)
        rows.append(
            Row(
                f"{name}, on {second.events:,}",
                f"{after:.2f} s",
                f"{before:.2f} s: the same on {first.events:,}",
                after / before,
            )
        )
    rows += [
        Row(
            f"bare SQL over the same {NEW_EVENTS:,} new events",
            f"{second.bare_new * 1000:.0f} ms",
            f"{second.new:.1f} s: the build of them",
            second.bare_new / second.new,
        ),
        Row(
            f"event_resolution by message id, user id and enduser id, of {second.events:,}",
            f"{second.lookup * 1000:.1f} ms",
            f"{first.lookup * 1000:.1f} ms: of {first.events:,} (the slowest of 30 each)",
            second.lookup / first.lookup,
        ),
        Row(
            f"temporary files of the full build of {second.events:,}",
            f"{second.temp_mb:,.0f} MB",
            f"{first.temp_mb:,.0f} MB of {first.events:,}; {memory:.0f} MB memory of the process",
            None,
        ),
    ]
    return rows


def measure(url: str, folder: Path, events: int, there: int, say: Say) -> Measured:
    """All of the measurements on a history of `events` events, `there` of which are there."""
    measured = Measured(events)
    say(f"build: landing {events - there:,} events")
    add_events(url, events - there)
    with _temp_files(url) as temp:
        measured.full = _build(url, folder, full=True)
    measured.temp_mb = temp[0]
    say(f"build: {events:,} events from scratch in {measured.full:.1f} s")
    measured.bare_full = _bare_count(url, 0)

    # what is moved later is part of the history first
    add_lost_users(url, events)
    add_wanderer(url, events)
    add_late_company_events(url, events)
    _build(url, folder)

    add_click(url)
    measured.click = _build(url, folder)
    measured.nothing = _build(url, folder)
    since = add_events(url, NEW_EVENTS, late_share=20)
    name_lost_users(url, events)
    measured.bare_new = _bare_count(url, since)
    measured.new = _build(url, folder)
    say(f"build: {NEW_EVENTS:,} new events on {events:,} in {measured.new:.1f} s")
    name_wanderer(url, events)
    measured.wanderer = _build(url, folder)
    add_late_company(url, events)
    measured.company = _build(url, folder)
    measured.lookup = _slowest_lookup(url)
    return measured


# Customers


def add_customers(url: str) -> None:
    """The companies, and nine of ten endusers, as Planhat would have them."""
    with connect(url, application_name="bench") as connection:
        connection.execute(
            """
            insert into raw_planhat.objects (model, planhat_id, payload)
            select
                'company', left(md5('c' || n), 24),
                jsonb_build_object(
                    '_id', left(md5('c' || n), 24), 'name', 'Company ' || n,
                    'externalId', 'company-' || n
                )
            from generate_series(0, %(companies)s - 1) as n
            union all
            select
                'asset', left(md5('a' || n), 24),
                jsonb_build_object(
                    '_id', left(md5('a' || n), 24), 'name', 'Asset ' || n,
                    'externalId', 'asset-' || n, 'companyId', left(md5('c' || n), 24)
                )
            from generate_series(0, %(companies)s - 1) as n
            union all
            select
                'enduser', left(md5('u' || n), 24),
                jsonb_build_object(
                    '_id', left(md5('u' || n), 24), 'externalId', 'user-' || n,
                    'email', 'user-' || n || '@example.com',
                    'companyId', left(md5('c' || n %% %(companies)s), 24)
                )
            from generate_series(0, %(users)s - 1) as n
            where n %% 10 <> 0
            """,
            {"companies": COMPANIES, "users": USERS},
        )
        connection.execute(_LOG_READS)


_LOG_READS = """
    insert into raw_planhat.reads (
        model, origin, considered, added, changed, returned, unchanged, deleted, withheld, rejected
    )
    select model, 'bench', count(*), count(*), 0, 0, 0, 0, 0, 0
    from raw_planhat.objects group by model
"""


def add_late_company(url: str, mark: int) -> None:
    """The company that so many calls have named already."""
    with connect(url, application_name="bench") as connection:
        connection.execute(
            """
            insert into raw_planhat.objects (model, planhat_id, payload)
            select 'company', id, jsonb_build_object(
                '_id', id, 'name', 'Late company', 'externalId', 'late-company-' || %(mark)s
            )
            from (select left(md5('late' || %(mark)s), 24) as id)
            """,
            {"mark": str(mark)},
        )
        connection.execute(_LOG_READS)


# Calls, written by the server itself

_LAND = """
    insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)
    select
        call ->> 'messageId', 'bench', call ->> 'type', (call ->> 'timestamp')::timestamptz,
        call, %(load_id)s
    from ({calls}) as made (call)
"""


def _land(url: str, calls: str, **values: object) -> int:
    """Land what a query makes as one load; its number."""
    with connect(url, application_name="bench") as connection:
        connection.execute(
            "insert into raw_segment.sources (source) values ('bench') on conflict do nothing"
        )
        (load_id,) = connection.execute(
            "insert into raw_segment.loads default values returning load_id"
        ).fetchone()  # type: ignore[misc]
        statement = _LAND.replace("{calls}", calls)
        connection.execute(statement, {**values, "load_id": load_id})
        return load_id


# A step that has no factor in common with the number of users visits them all.
_USUAL = """
    select
        jsonb_build_object(
            'messageId', gen_random_uuid(),
            'type', case
                when n % 100 < 3 then 'identify' when n % 100 = 3 then 'group' else 'track'
            end,
            'timestamp', at
        )
        || case when n % 100 between 4 and 8 then '{}'
            else jsonb_build_object('userId', 'user-' || u) end
        || case when n % 4 < 2 or n % 100 between 4 and 8
            then jsonb_build_object('anonymousId', 'device-' || u) else '{}' end
        || case
            when n % 100 < 3 then jsonb_build_object('traits', jsonb_build_object(
                'email', 'user-' || u || '@example.com', 'name', 'User ' || u,
                'company_id', 'company-' || u % %(companies)s
            ))
            when n % 100 = 3 then jsonb_build_object(
                'groupId', 'company-' || u % %(companies)s,
                'traits', jsonb_build_object('seats', n % 50, 'storage_gb', n % 900, 'plan', 'pro')
            )
            else jsonb_build_object(
                'event', (array[
                    'Report Viewed', 'Report Shared', 'Board Opened', 'Export Started'
                ])[n % 4 + 1],
                'properties', jsonb_build_object(
                    'company_id', 'company-' || u % %(companies)s, 'rows', n % 100,
                    'view', 'overview', 'path', '/reports/' || n % 1000
                )
                || case when n % 10 = 0
                    then jsonb_build_object('asset_id', 'asset-' || u % %(companies)s) else '{}' end
            )
        end
    from (
        select
            n,
            n * 7919 % %(users)s as u,
            case
                when %(late_share)s > 0 and n % nullif(%(late_share)s, 0) = 1
                    then now() - n % %(days)s * interval '1 day'
                when %(late_share)s > 0 then now() - n * interval '1 millisecond'
                else now() - (n::float8 / %(events)s) * %(days)s * interval '1 day'
            end as at
        from generate_series(%(first)s::bigint, %(last)s::bigint) as n
    ) as drawn
"""


# What browsers say beside keys and numbers.
_BESIDE = """
    select call || jsonb_build_object('context', jsonb_build_object(
        'ip', '203.0.113.7', 'locale', 'en-GB', 'timezone', 'Europe/Stockholm',
        'userAgent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0',
        'library', jsonb_build_object('name', 'analytics.js', 'version', 'next-1.70.0'),
        'page', jsonb_build_object(
            'path', '/reports/7', 'referrer', 'https://app.example.com/boards/12', 'search', '',
            'title', 'Reports', 'url', 'https://app.example.com/reports/7?tab=overview'
        )
    ))
    from ({calls}) as usual (call)
"""


def add_events(
    url: str, events: int, *, late_share: int = 0, users: int = 0, says_more: bool = False
) -> int:
    """Land so many usual calls; the first load's number.

    Spread over `DAYS` days; with a `late_share` of 20, one in twenty is, and the others are of now.
    Of so many `users`, or `USERS`; `says_more`: with what browsers say beside keys and numbers.
    """
    calls = _BESIDE.replace("{calls}", _USUAL) if says_more else _USUAL
    first_load = 0
    for first in range(0, events, PORTION):
        load_id = _land(
            url, calls.replace(" % ", " %% "), events=events, first=first, late_share=late_share,
            last=min(first + PORTION, events) - 1, users=users or USERS, companies=COMPANIES,
            days=DAYS,
        )  # fmt: skip
        first_load = first_load or load_id
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute("analyze raw_segment.events")
    return first_load


def add_click(url: str) -> None:
    """A track call of a user whom Planhat knows."""
    _land(
        url,
        """
        select jsonb_build_object(
            'messageId', gen_random_uuid(), 'type', 'track', 'event', 'Board Opened',
            'userId', 'user-7', 'timestamp', now(),
            'properties', jsonb_build_object('company_id', 'company-7')
        )
        """,
    )


def add_lost_users(url: str, mark: int) -> None:
    """Calls of users who are in no company yet."""
    _land(
        url,
        """
        select jsonb_build_object(
            'messageId', gen_random_uuid(), 'type', 'track', 'event', 'Board Opened',
            'userId', 'lost-' || %(mark)s || '-' || n %% %(users)s,
            'timestamp', now() - n * interval '1 hour'
        )
        from generate_series(0, %(users)s * %(each)s - 1) as n
        """,
        mark=str(mark), users=LOST_USERS, each=LOST_CALLS,
    )  # fmt: skip


def name_lost_users(url: str, mark: int) -> None:
    """An identify each that names their company."""
    _land(
        url,
        """
        select jsonb_build_object(
            'messageId', gen_random_uuid(), 'type', 'identify', 'timestamp', now(),
            'userId', 'lost-' || %(mark)s || '-' || n,
            'traits', jsonb_build_object('company_id', 'company-' || n)
        )
        from generate_series(0, %(users)s - 1) as n
        """,
        mark=str(mark), users=LOST_USERS,
    )  # fmt: skip


def add_wanderer(url: str, mark: int) -> None:
    """Calls of one user on so many pairs of day and event name."""
    _land(
        url,
        """
        select jsonb_build_object(
            'messageId', gen_random_uuid(), 'type', 'track', 'event', 'Event ' || n / %(days)s,
            'userId', 'wanderer-' || %(mark)s, 'timestamp', now() - n %% %(days)s * interval '1 day'
        )
        from generate_series(0, %(key_days)s - 1) as n
        """,
        mark=str(mark), days=DAYS, key_days=WANDERER_KEY_DAYS,
    )  # fmt: skip


def name_wanderer(url: str, mark: int) -> None:
    """The identify that moves them all."""
    _land(
        url,
        """
        select jsonb_build_object(
            'messageId', gen_random_uuid(), 'type', 'identify', 'timestamp', now(),
            'userId', 'wanderer-' || %(mark)s,
            'traits', jsonb_build_object('company_id', 'company-1')
        )
        """,
        mark=str(mark),
    )


def add_late_company_events(url: str, mark: int) -> None:
    """Calls that name a company which nobody knows yet."""
    _land(
        url,
        """
        select jsonb_build_object(
            'messageId', gen_random_uuid(), 'type', 'track', 'event', 'Board Opened',
            'userId', 'late-' || %(mark)s || '-' || n %% 100,
            'timestamp', now() - n %% %(days)s * interval '1 day',
            'properties', jsonb_build_object('company_id', 'late-company-' || %(mark)s)
        )
        from generate_series(0, %(events)s - 1) as n
        """,
        mark=str(mark), days=DAYS, events=LATE_COMPANY_EVENTS,
    )  # fmt: skip


# Measuring


def _build(url: str, folder: Path, *, full: bool = False) -> float:
    settings = load_settings({"DATA_DIR": str(folder), "AIRFLOW_CONN_WAREHOUSE": url})
    started = time.perf_counter()
    build(url, settings, requested_by="bench", full=full, say=lambda line: None)
    return time.perf_counter() - started


def _bare_count(url: str, since_load: int) -> float:
    with connect(url, application_name="bench", autocommit=True) as connection:
        started = time.perf_counter()
        connection.execute(
            """
            create temporary table bare_count as
            select
                payload ->> 'userId' as user_id,
                (payload ->> 'timestamp')::timestamptz::date as day,
                count(*) as events
            from raw_segment.events
            where load_id >= %s
            group by 1, 2
            """,
            [since_load],
        )
        return time.perf_counter() - started


def _slowest_lookup(url: str) -> float:
    """Seconds of the slowest of thirty look-ups, ten each by message, user and enduser."""
    slowest = 0.0
    with connect(url, application_name="bench", autocommit=True) as connection:
        known = connection.execute(
            "select message_id, user_id, enduser_id from marts.event_resolution"
            " where enduser_id is not null limit 10"
        ).fetchall()
        for row in known:
            for column, value in zip(("message_id", "user_id", "enduser_id"), row, strict=True):
                started = time.perf_counter()
                connection.execute(
                    f"select * from marts.event_resolution where {column} = %s",  # noqa: S608
                    [value],
                ).fetchall()
                slowest = max(slowest, time.perf_counter() - started)
    return slowest


@contextmanager
def _temp_files(url: str):  # type: ignore[no-untyped-def]
    """Yields a list whose one element becomes the MB of temporary files written meanwhile."""
    query = "select temp_bytes / 1e6 from pg_stat_database where datname = current_database()"
    found = [0.0]
    with connect(url, application_name="bench", autocommit=True) as connection:
        before = float(connection.execute(query).fetchone()[0])  # type: ignore[index]
        yield found
        connection.execute("select pg_stat_clear_snapshot()")
        found[0] = float(connection.execute(query).fetchone()[0]) - before  # type: ignore[index]
